// The console of a job: a window on some hundred KB of it, wherever it is scrolled to.
//
// Above and below the lines that are loaded there is empty room for those that are not, in
// proportion to their bytes; so the scroll bar leads anywhere at once, however long the console is.
// Near an end of the window more is loaded there, and as much is dropped at the other. What is
// printed meanwhile comes by a stream, and is shown a few times a second.

const FIRST_BYTES = 24 << 10
const WINDOW_BYTES = 48 << 10
const MOST_BYTES = 256 << 10
const NEAR_PX = 1500
const MOST_ROOM_PX = 6_000_000
const SHOW_MS = 100
const SETTLE_MS = 30
const RETRY_MS = [500, 1000, 2000, 3000]

const section = document.getElementById("console")
const view = document.getElementById("console-view")
const told = document.getElementById("console-told")
const foundTold = document.getElementById("console-found")
const follow = document.getElementById("console-follow")
const wrap = document.getElementById("console-wrap")
const search = document.getElementById("console-search")
const address = section.dataset.address

// By the address at which browsers may keep it: that of an import statement has no version.
const {Line} = await import(section.dataset.terminal)

const above = document.createElement("div")
const content = document.createElement("div")
const below = document.createElement("div")
content.className = "console-lines"
above.className = below.className = "console-room"

// --- what is loaded ---------------------------------------------------------------------------

let size = 0 // of the whole console, in bytes
let start = 0 // of what is loaded
let end = 0
let attempt = null
let isFinal = false
let lines = [] // {at, element, line}, in order
let hasOpenLine = false // the last of them may go on
let pxPerByte = 0.2

const utf8 = new TextEncoder()

const shortened = bytes => {
  if (bytes < 1000) return `${bytes} B`
  const unit = ["kB", "MB", "GB", "TB"][Math.min(Math.floor(Math.log10(bytes) / 3), 4) - 1]
  return `${(bytes / {kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12}[unit]).toFixed(1)} ${unit}`
}

const tell = (text, element = told) => {
  if (element.textContent !== text) element.textContent = text
}
const tellFound = text => tell(text, foundTold)
const tellSize = () => tell(size === 0 ? (isFinal ? "It printed nothing." : "Nothing yet.") : shortened(size))

const ask = async (what, parameters) => {
  const reply = await fetch(`${address}/${what}?${new URLSearchParams(parameters)}`)
  if (!reply.ok) throw new Error(`the hub answers ${reply.status}`)
  return reply.json()
}

const newLine = (at, style) => {
  const element = document.createElement("div")
  element.dataset.at = at
  return {at, element, line: new Line(style)}
}

// Lines of an answer as elements; style: of the line before.
const made = (answer, style) =>
  answer.lines.map(({at, text}) => {
    const each = newLine(at, style)
    each.line.print(text)
    each.line.show(each.element)
    style = each.line.style
    return each
  })

const roomPx = bytes => Math.round(bytes * pxPerByte)

const arrange = () => {
  above.style.height = `${roomPx(start)}px`
  below.style.height = `${roomPx(size - end)}px`
}

const measure = () => {
  const bytes = end - start
  if (bytes > 0) pxPerByte = content.offsetHeight / bytes
  pxPerByte = Math.min(pxPerByte, MOST_ROOM_PX / Math.max(size, 1))
}

const take = answer => {
  size = answer.size
  isFinal = answer.status === "completed" || answer.status === "failed"
  if (attempt !== null && attempt !== answer.attempt) follower.restart()
  attempt = answer.attempt
}

// Show what an answer has, and nothing else.
const replace = answer => {
  take(answer)
  lines = made(answer)
  start = answer.start
  end = answer.end
  hasOpenLine = answer.isLineOpen
  content.replaceChildren(...lines.map(each => each.element))
  measure()
  arrange()
  highlight()
}

// --- moving the window --------------------------------------------------------------------------

let isBusy = false
let isWanted = false

const isAtBottom = () => view.scrollHeight - view.scrollTop - view.clientHeight < 8
const toBottom = () => (view.scrollTop = view.scrollHeight)

// The byte that is at the top of the view, as far as the room tells.
const byteAtTop = () => {
  const top = view.scrollTop
  const first = above.offsetHeight
  if (top < first) return Math.floor(top / pxPerByte)
  const last = first + content.offsetHeight
  if (top >= last) return Math.min(end + Math.floor((top - last) / pxPerByte), size)
  return null
}

const lineAt = byte => {
  let low = 0
  let high = lines.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (lines[middle].at <= byte) low = middle
    else high = middle - 1
  }
  return lines[low]
}

const scrollToByte = (byte, place = 0) => {
  const found = lineAt(byte)
  if (found === undefined) return
  view.scrollTop = found.element.offsetTop - place * view.clientHeight
}

const loadAround = async (byte, place = 0) => {
  const begin = Math.max(byte - WINDOW_BYTES / 2, 0)
  replace(await ask("window", {begin, end: begin + WINDOW_BYTES}))
  scrollToByte(byte, place)
}

const loadEnd = async () => {
  replace(await ask("window", {begin: -FIRST_BYTES}))
  toBottom()
}

// Lines far from those in view are dropped again, where too many are loaded.
const dropFirst = () => {
  let count = 0
  while (count < lines.length - 1 && end - lines[count].at > MOST_BYTES) count++
  while (count > 0 && lines[count].element.offsetTop > view.scrollTop) count--
  if (count === 0) return
  keepingPlace(() => {
    lines.splice(0, count).forEach(each => each.element.remove())
    start = lines[0].at
    arrange()
  })
}

const dropLast = () => {
  let count = lines.length
  const bottom = view.scrollTop + view.clientHeight
  while (count > 1 && lines[count - 1].at - start > MOST_BYTES) count--
  while (count < lines.length && lines[count].element.offsetTop < bottom) count++
  if (count === lines.length) return
  end = lines[count].at
  lines.splice(count).forEach(each => each.element.remove())
  hasOpenLine = false
  arrange()
}

// Do something to the lines without moving those that are in view.
const keepingPlace = change => {
  const top = view.getBoundingClientRect().top
  const anchor = lines.find(each => each.element.getBoundingClientRect().bottom > top)?.element
  const before = anchor?.getBoundingClientRect().top
  change()
  if (anchor?.isConnected) view.scrollTop += anchor.getBoundingClientRect().top - before
}

const loadBefore = async () => {
  const answer = await ask("window", {begin: Math.max(start - WINDOW_BYTES, 0), end: start, align: "begin"})
  if (answer.attempt !== attempt) return loadEnd()
  take(answer)
  if (answer.end !== start || answer.lines.length === 0) return
  keepingPlace(() => {
    const more = made(answer)
    content.prepend(...more.map(each => each.element))
    lines.unshift(...more)
    start = answer.start
    arrange()
  })
  dropLast()
  highlight()
}

const loadAfter = async () => {
  const answer = await ask("window", {begin: end, end: end + WINDOW_BYTES, align: "end"})
  if (answer.attempt !== attempt) return loadEnd()
  take(answer)
  if (answer.start !== end || answer.lines.length === 0) return
  keepingPlace(() => {
    const more = made(answer, lines.at(-1)?.line.style)
    content.append(...more.map(each => each.element))
    lines.push(...more)
    end = answer.end
    hasOpenLine = answer.isLineOpen
    arrange()
  })
  dropFirst()
  highlight()
}

const isAnyInView = () => {
  const top = view.scrollTop - above.offsetHeight
  return top < content.offsetHeight && -top < view.clientHeight
}

// Have the lines loaded that are in view, and some around them.
const settle = async () => {
  isWanted = true
  if (isBusy) return
  isBusy = true
  try {
    for (let round = 0; isWanted && round < 20; round++) {
      isWanted = false
      const top = view.scrollTop - above.offsetHeight
      const room = above.offsetHeight + content.offsetHeight - view.scrollTop - view.clientHeight
      const byte = byteAtTop() ?? start
      // Text that is written over itself fills no view, however much of it is loaded.
      const mayGrow = end - start < MOST_BYTES + WINDOW_BYTES
      const wasEnd = end
      const wasStart = start
      if (!isAnyInView() && size > 0) await loadAround(Math.min(byte, size - 1))
      else if (mayGrow && top < NEAR_PX && start > 0) await loadBefore()
      else if (mayGrow && room < NEAR_PX && end < size && !(follower.isOpen && follow.checked)) await loadAfter()
      isWanted ||= end !== wasEnd || start !== wasStart
    }
    tellSize()
  } catch (error) {
    tell(`Not loaded: ${error.message}`)
  }
  isBusy = false
}

let settling = 0
let isScripted = false

view.addEventListener("scroll", () => {
  if (follow.checked && !isAtBottom() && !isScripted) setFollow(false)
  else if (!follow.checked && !isFinal && end >= size && isAtBottom()) setFollow(true)
  // Not before it has come to rest: to change what is scrolled would stop it.
  clearTimeout(settling)
  settling = setTimeout(settle, SETTLE_MS)
})

// At once, since browsers take their time to scroll far.
view.addEventListener("keydown", event => {
  if (event.target !== view || event.ctrlKey || event.metaKey || event.altKey) return
  if (event.key === "Home") view.scrollTop = 0
  else if (event.key === "End") toBottom()
  else return
  event.preventDefault()
})

// --- following ----------------------------------------------------------------------------------

const follower = {
  source: null,
  isOpen: false,
  text: "", // what has come and is not shown yet
  textEnd: 0,
  timer: 0,
  numFailed: 0,
  retry: 0,

  open() {
    this.close()
    if (document.hidden || isFinal) return
    this.source = new EventSource(`${address}?offset=${end}`)
    this.textEnd = end
    this.isOpen = true
    this.source.addEventListener("began", event => {
      const now = JSON.parse(event.data).attempt
      if (end > 0 || (attempt !== null && attempt !== now)) this.empty()
      attempt = now
    })
    this.source.addEventListener("text", event => {
      this.numFailed = 0
      this.text += JSON.parse(event.data).text
      this.textEnd = Number(event.lastEventId)
      this.timer ||= setTimeout(() => this.show(), SHOW_MS)
    })
    this.source.addEventListener("end", () => {
      this.show()
      isFinal = true
      this.close()
      setFollow(follow.checked)
      tellSize()
    })
    this.source.onerror = () => {
      this.show()
      this.close()
      this.retry = setTimeout(resume, RETRY_MS[Math.min(this.numFailed++, RETRY_MS.length - 1)])
    }
  },

  close() {
    clearTimeout(this.retry)
    clearTimeout(this.timer)
    this.timer = 0
    this.source?.close()
    this.source = null
    this.isOpen = false
    this.text = ""
  },

  restart() {
    this.close()
    this.retry = setTimeout(resume, 0)
  },

  empty() {
    this.text = ""
    lines = []
    start = end = size = 0
    hasOpenLine = false
    content.replaceChildren()
    arrange()
  },

  show() {
    clearTimeout(this.timer)
    this.timer = 0
    if (this.text === "") return
    const pieces = this.text.split("\n")
    const firstByte = end
    let at = firstByte
    this.text = ""
    const fresh = []
    pieces.forEach((piece, index) => {
      const isLast = index === pieces.length - 1
      let current = hasOpenLine ? lines.at(-1) : undefined
      if (current === undefined && !(isLast && piece === "")) {
        current = newLine(at, lines.at(-1)?.line.style)
        lines.push(current)
        fresh.push(current)
      }
      current?.line.print(piece)
      current?.line.show(current.element)
      hasOpenLine = isLast && current !== undefined && (piece !== "" || hasOpenLine)
      at += utf8.encode(piece).length + 1
    })
    end = this.textEnd
    size = Math.max(size, end)
    isScripted = true
    content.append(...fresh.map(each => each.element))
    arrange()
    if (follow.checked) toBottom()
    dropFirst()
    if (follow.checked) toBottom()
    // The event of this scrolling comes before the next frame.
    requestAnimationFrame(() => (isScripted = false))
    tellSize()
    highlight()
  },
}

// Go on with what is printed, from the end of what is loaded if that is near the end of all.
const resume = async () => {
  if (!follow.checked || isFinal) return
  try {
    const answer = await ask("window", {begin: -1})
    take(answer)
    if (end < answer.size || attempt !== answer.attempt || end > answer.size) await loadEnd()
    follower.open()
  } catch {
    follower.retry = setTimeout(resume, RETRY_MS[Math.min(follower.numFailed++, RETRY_MS.length - 1)])
  }
}

const setFollow = isWanted => {
  follow.checked = isWanted && !isFinal
  follow.disabled = isFinal
  if (!follow.checked) follower.close()
  else if (!follower.isOpen) resume()
}

follow.addEventListener("change", () => setFollow(follow.checked))
document.addEventListener("visibilitychange", () => {
  if (document.hidden) follower.close()
  else if (follow.checked) resume()
})
window.addEventListener("pagehide", () => follower.close())

// While nobody follows, how long the console is by now; and when a job runs anew, or ends.
const refresh = async () => {
  try {
    const was = attempt
    const answer = await ask("window", {begin: -1})
    if (was !== answer.attempt && was !== null) {
      follower.empty()
      isFinal = false
    }
    take(answer)
    if (lines.length === 0 && size > 0) await loadEnd()
    arrange()
    tellSize()
    setFollow(follow.checked)
  } catch {
    // Told by the page's own stream.
  }
}

document.addEventListener("live:news", event => {
  const {name, data} = event.detail
  if (name !== "job" || data.job.jobId !== document.getElementById("job-head").dataset.job) return
  const isNewRun = isFinal || data.job.status === "starting" || data.job.status === "running"
  if (!follower.isOpen && (isNewRun || !isFinal)) refresh()
})
document.addEventListener("live:back", () => refresh())

// --- wrapping -----------------------------------------------------------------------------------

const setWrap = isWanted => {
  keepingPlace(() => {
    view.classList.toggle("wraps", isWanted)
    measure()
    arrange()
  })
  if (follow.checked) toBottom()
  try {
    localStorage.setItem("console-wrap", isWanted ? "yes" : "")
  } catch {
    // Nothing is kept in this browser.
  }
}

wrap.addEventListener("change", () => setWrap(wrap.checked))

// --- searching ----------------------------------------------------------------------------------

let foundAt = null
let wanted = ""
let searching = 0

// Marks what is found in the lines that are loaded, in the text as it is shown.
const highlight = () => {
  for (const each of content.querySelectorAll(".is-found")) each.classList.remove("is-found")
  if (globalThis.CSS?.highlights) CSS.highlights.delete("found")
  if (wanted === "") return
  const ranges = []
  const lowered = wanted.toLowerCase()
  for (const {element} of lines) {
    if (!element.textContent.toLowerCase().includes(lowered)) continue
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT)
    for (let node; (node = walker.nextNode()) !== null; ) {
      const text = node.data.toLowerCase()
      for (let at = text.indexOf(lowered); at >= 0 && ranges.length < 5000; at = text.indexOf(lowered, at + lowered.length)) {
        const range = new Range()
        range.setStart(node, at)
        range.setEnd(node, Math.min(at + lowered.length, node.length))
        ranges.push(range)
      }
    }
  }
  if (globalThis.CSS?.highlights) CSS.highlights.set("found", new Highlight(...ranges))
  if (foundAt !== null && foundAt >= start && foundAt < end) lineAt(foundAt)?.element.classList.add("is-found")
}

const findFrom = async (begin, isBackwards, mine) => {
  for (;;) {
    const answer = await ask("find", {text: wanted, begin, backwards: isBackwards})
    if (mine !== searching) return undefined
    size = Math.max(size, answer.size)
    if (answer.at !== null || answer.hasEnded) return answer.at
    begin = answer.searchedTo
    tellFound(`Searching, ${Math.round((100 * (isBackwards ? size - begin : begin)) / size)} %`)
  }
}

const find = async isBackwards => {
  const text = search.elements.text.value
  if (text !== wanted) foundAt = null
  wanted = text
  const mine = ++searching
  if (text === "") {
    highlight()
    return tellFound("")
  }
  try {
    const here = byteAtTop() ?? lines.find(each => each.element.offsetTop >= view.scrollTop)?.at ?? 0
    const from = foundAt === null ? here : isBackwards ? foundAt : foundAt + 1
    let at = await findFrom(from, isBackwards, mine)
    let isAround = false
    if (at === null) {
      isAround = true
      at = await findFrom(isBackwards ? size : 0, isBackwards, mine)
    }
    if (at === undefined) return
    if (at === null) {
      foundAt = null
      highlight()
      return tellFound("Not found")
    }
    foundAt = at
    setFollow(false)
    if (at >= start && at < end) scrollToByte(at, 0.4)
    else await loadAround(at, 0.4)
    highlight()
    const percent = size === 0 ? 0 : Math.floor((100 * at) / size)
    tellFound(`Found at ${percent} %${isAround ? `, from the ${isBackwards ? "end" : "beginning"} on` : ""}`)
  } catch (error) {
    tellFound(`Not searched: ${error.message}`)
  }
}

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

// --- beginning ----------------------------------------------------------------------------------

try {
  wrap.checked = localStorage.getItem("console-wrap") === "yes"
} catch {
  wrap.checked = false
}
view.classList.toggle("wraps", wrap.checked)

const begin = async () => {
  try {
    const answer = await ask("window", {begin: -FIRST_BYTES})
    view.replaceChildren(above, content, below)
    replace(answer)
    toBottom()
    tellSize()
    setFollow(!isFinal)
    section.dataset.isReady = "yes"
  } catch (error) {
    tell(`Not loaded: ${error.message}`)
    setTimeout(begin, 2000)
  }
}

begin()
