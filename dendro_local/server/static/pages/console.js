// The console of a job, with its controls: follow, wrap, search.

import {ConsoleFollower} from "./console_follower.js"
import {ConsoleSearch} from "./console_search.js"
import {ConsoleWindow} from "./console_window.js"

const SETTLE_MS = 30
const RETRY_MS = 2000

const section = document.getElementById("console")
const view = document.getElementById("console-view")
const told = document.getElementById("console-told")
const foundTold = document.getElementById("console-found")
const follow = document.getElementById("console-follow")
const wrap = document.getElementById("console-wrap")
const search = document.getElementById("console-search")
const address = section.dataset.address

const shown = new ConsoleWindow(view, address)
const follower = new ConsoleFollower(shown, () => follow.checked, address)
const searcher = new ConsoleSearch(shown)

// --- what is told -----------------------------------------------------------------------------

const shortened = bytes => {
  if (bytes < 1000) return `${bytes} B`
  const unit = ["kB", "MB", "GB", "TB"][Math.min(Math.floor(Math.log10(bytes) / 3), 4) - 1]
  return `${(bytes / {kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12}[unit]).toFixed(1)} ${unit}`
}

const tell = (text, element = told) => {
  if (element.textContent !== text) element.textContent = text
}
const tellSize = () => {
  tell(shown.size === 0 ? (shown.isFinal ? "It printed nothing." : "Nothing yet.") : shortened(shown.size))
}

shown.onChange = () => searcher.highlight()
shown.onSettled = tellSize
shown.onFault = error => tell(`Not loaded: ${error.message}`)
searcher.onTold = text => tell(text, foundTold)

// --- following --------------------------------------------------------------------------------

let settling = 0
let isScripted = false

const setFollow = isWanted => {
  follow.checked = isWanted && !shown.isFinal
  follow.disabled = shown.isFinal
  if (!follow.checked) follower.close()
  else if (!follower.isOpen) follower.resume()
}

shown.isFollowed = () => follower.isOpen && follow.checked
shown.onNewRun = () => follower.restart()
searcher.onFound = () => setFollow(false)

follower.onShown = show => {
  isScripted = true
  show()
  // The event of this scrolling comes before the next frame.
  requestAnimationFrame(() => (isScripted = false))
  tellSize()
}
follower.onEnd = () => {
  setFollow(follow.checked)
  tellSize()
}

follow.addEventListener("change", () => setFollow(follow.checked))
document.addEventListener("visibilitychange", () => {
  if (document.hidden) follower.close()
  else if (follow.checked) follower.resume()
})
window.addEventListener("pagehide", () => follower.close())

view.addEventListener("scroll", () => {
  if (follow.checked && !shown.isAtBottom() && !isScripted) setFollow(false)
  else if (!follow.checked && !shown.isFinal && shown.end >= shown.size && shown.isAtBottom()) setFollow(true)
  // Not before it has come to rest: to change what is scrolled would stop it.
  clearTimeout(settling)
  settling = setTimeout(() => shown.settle(), SETTLE_MS)
})

// At once, since browsers take their time to scroll far.
view.addEventListener("keydown", event => {
  if (event.target !== view || event.ctrlKey || event.metaKey || event.altKey) return
  if (event.key === "Home") view.scrollTop = 0
  else if (event.key === "End") shown.toBottom()
  else return
  event.preventDefault()
})

// While nobody follows, how long the console is by now; and when a job runs anew, or ends.
const refresh = async () => {
  try {
    const was = shown.attempt
    await shown.look()
    if (was !== shown.attempt && was !== null) {
      const {size} = shown
      shown.empty()
      shown.size = size
    }
    if (shown.lines.length === 0 && shown.size > 0) await shown.loadEnd()
    shown.arrange()
    tellSize()
    setFollow(follow.checked)
  } catch {
    // Told by the page's own stream.
  }
}

document.addEventListener("live:news", event => {
  const {name, data} = event.detail
  if (name !== "job" || data.job.jobId !== document.getElementById("job-head").dataset.job) return
  const isNewRun = shown.isFinal || data.job.status === "starting" || data.job.status === "running"
  if (!follower.isOpen && (isNewRun || !shown.isFinal)) refresh()
})
document.addEventListener("live:back", refresh)

// --- wrapping ---------------------------------------------------------------------------------

const setWrap = isWanted => {
  shown.keepingPlace(() => {
    view.classList.toggle("wraps", isWanted)
    shown.measure()
    shown.arrange()
  })
  if (follow.checked) shown.toBottom()
  try {
    localStorage.setItem("console-wrap", isWanted ? "yes" : "")
  } catch {
    // Nothing is kept in this browser.
  }
}

wrap.addEventListener("change", () => setWrap(wrap.checked))

// --- searching --------------------------------------------------------------------------------

const find = isBackwards => searcher.find(search.elements.text.value, {isBackwards})

search.addEventListener("submit", event => {
  event.preventDefault()
  find(event.submitter?.value === "before")
})
search.querySelector("[value=before]").addEventListener("click", () => find(true))
search.elements.text.addEventListener("keydown", event => {
  if (event.key !== "Enter" || !event.shiftKey) return
  event.preventDefault()
  find(true)
})
search.elements.text.addEventListener("input", () => {
  if (search.elements.text.value === "") find(false)
})

// --- beginning --------------------------------------------------------------------------------

try {
  wrap.checked = localStorage.getItem("console-wrap") === "yes"
} catch {
  wrap.checked = false
}
view.classList.toggle("wraps", wrap.checked)

const begin = async () => {
  try {
    await shown.begin()
    tellSize()
    setFollow(!shown.isFinal)
    section.dataset.isReady = "yes"
  } catch (error) {
    tell(`Not loaded: ${error.message}`)
    setTimeout(begin, RETRY_MS)
  }
}

begin()
