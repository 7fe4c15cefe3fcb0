// Keeps a page as the hub is, without loading it again.
//
// One stream of news tells that something has changed. Then the page asks for itself once more, and
// what is marked data-live is morphed in place into what came: elements are matched by id, and what
// the user has done to them (focus, selection, open details, changed fields) stays as it is.
//
//   <section id="jobs" data-live>                  shown anew when jobs change
//   <section id="disk" data-live data-live-every="10">  and every 10 seconds
//   <main data-events="/v1/events?job=ID">         which news counts on this page
//   <div id="plot" data-live-keep>                 left alone: a script's own
//   <div data-live-rows>                           what is in it are rows with ids, as of a table
//
// Told on the document: live:news (detail: {name, data}), live:updated (an element has new content),
// live:lost, live:back. Listened to: live:refresh.

const GATHER_MS = 40
const LEAST_PAUSE_MS = 250
const RETRY_MS = [500, 1000, 2000, 3000]

const main = document.getElementById("main")
const banner = document.getElementById("connection")
const notice = document.getElementById("notice")

const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, {detail}))
const say = (element, text) => {
  if (element.textContent !== text) element.textContent = text
}

// --- morphing ---------------------------------------------------------------------------------

const isChanged = element => {
  if (element instanceof HTMLInputElement && ["checkbox", "radio"].includes(element.type)) {
    return element.checked !== element.defaultChecked
  }
  if (element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement) {
    return element.value !== element.defaultValue || element === document.activeElement
  }
  if (element instanceof HTMLSelectElement) {
    const isOther = option => option.selected !== option.defaultSelected
    return element === document.activeElement || [...element.options].some(isOther)
  }
  return false
}

// What a script has made of these is still true if what it was made of is the same.
const MADE_OF = ["datetime", "data-ticking"]
const isMadeOfSame = (old, fresh) =>
  MADE_OF.some(name => old.hasAttribute(name) && old.getAttribute(name) === fresh.getAttribute(name))

Object.assign(Idiomorph.defaults.callbacks, {
  beforeNodeMorphed(old, fresh) {
    if (!(old instanceof Element) || !(fresh instanceof Element)) return true
    return !(old.hasAttribute("data-live-keep") || isChanged(old) || isMadeOfSame(old, fresh))
  },
  beforeAttributeUpdated(name, element) {
    return !(name === "open" && ["DETAILS", "DIALOG"].includes(element.tagName))
  },
})

// Blanks between rows match other blanks better than rows match rows, and rows were moved about.
const ROWS = "table, thead, tbody, tr, ul, ol, dl, select, datalist, [data-live-rows]"

const dropBlanks = root => {
  for (const parent of [root, ...root.querySelectorAll(ROWS)]) {
    if (!parent.matches(ROWS)) continue
    for (const node of [...parent.childNodes]) {
      if (node.nodeType === Node.TEXT_NODE && node.data.trim() === "") node.remove()
    }
  }
}

const morph = Idiomorph.morph
Idiomorph.morph = (old, fresh, config) => {
  for (const root of [old, ...(fresh instanceof Node ? [fresh] : fresh)]) {
    if (root instanceof Element) dropBlanks(root)
  }
  return morph(old, fresh, config)
}

// --- asking again -----------------------------------------------------------------------------

const lives = () => [...document.querySelectorAll("[data-live]")]

const ask = async () => {
  const reply = await fetch(location.href, {headers: {"HX-Request": "true"}, cache: "no-store"})
  const fresh = new DOMParser().parseFromString(await reply.text(), "text/html")
  if (!reply.ok) {
    say(notice, fresh.querySelector("[role=alert]")?.textContent ?? `The hub answers ${reply.status}.`)
    return
  }
  if (reply.redirected) {
    say(notice, "You are not logged in any more. Load the page again.")
    return
  }
  say(notice, "")
  document.title = fresh.title || document.title
  for (const old of lives()) {
    const element = fresh.getElementById(old.id)
    if (element === null) continue
    Idiomorph.morph(old, element, {morphStyle: "outerHTML"})
    const now = document.getElementById(old.id)
    htmx.process(now)
    tell("live:updated", now)
  }
}

let isWanted = false
let isAsking = false
let notBefore = 0

const refresh = async () => {
  isWanted = true
  if (isAsking || document.hidden) return
  isAsking = true
  while (isWanted && !document.hidden) {
    await new Promise(done => setTimeout(done, Math.max(GATHER_MS, notBefore - performance.now())))
    isWanted = false
    const began = performance.now()
    try {
      await ask()
    } catch {
      // Not reached: when the news comes again, so does this.
    }
    const took = performance.now() - began
    notBefore = performance.now() + Math.max(LEAST_PAUSE_MS, 2 * took)
  }
  isAsking = false
}

// --- news -------------------------------------------------------------------------------------

let source = null
let numFailed = 0
let retry = 0

const lose = () => {
  source?.close()
  source = null
  if (numFailed === 0) tell("live:lost")
  say(banner, "Connection lost, trying again")
  clearTimeout(retry)
  retry = setTimeout(listen, RETRY_MS[Math.min(numFailed++, RETRY_MS.length - 1)])
}

const listen = () => {
  clearTimeout(retry)
  source?.close()
  source = new EventSource(main.dataset.events ?? "/v1/events")
  source.onerror = lose
  source.addEventListener("began", () => {
    say(banner, "")
    if (numFailed > 0) tell("live:back")
    numFailed = 0
    refresh() // what has changed before
  })
  for (const name of ["job", "deleted", "reset"]) {
    source.addEventListener(name, event => {
      tell("live:news", {name, data: JSON.parse(event.data)})
      refresh()
    })
  }
}

const leave = () => {
  clearTimeout(retry)
  source?.close()
  source = null
}

if (lives().length > 0 || main.dataset.events !== undefined) {
  // Browsers have few connections to one host: pages that nobody sees need none.
  const follow = () => (document.hidden ? leave() : listen())
  document.addEventListener("visibilitychange", follow)
  window.addEventListener("pagehide", leave)
  window.addEventListener("pageshow", event => event.persisted && follow())
  window.addEventListener("online", follow)
  window.addEventListener("offline", lose)
  follow()
}

document.addEventListener("live:refresh", refresh)
const periods = new Set(lives().map(each => Number(each.dataset.liveEvery)).filter(Boolean))
for (const seconds of periods) setInterval(refresh, seconds * 1000)

// --- what htmx sends --------------------------------------------------------------------------

document.addEventListener("htmx:configRequest", event => {
  const token = document.querySelector("meta[name=csrf]")?.content
  if (token && event.detail.verb !== "get") event.detail.headers["X-CSRF-Token"] = token
})
document.addEventListener("htmx:responseError", event => {
  const {status, responseText} = event.detail.xhr
  const told = new DOMParser().parseFromString(responseText, "text/html")
  say(notice, told.querySelector("[role=alert]")?.textContent ?? `The hub answers ${status}.`)
})
document.addEventListener("htmx:sendError", () => say(notice, "The hub cannot be reached."))
document.addEventListener("htmx:afterSwap", () => say(notice, ""))
