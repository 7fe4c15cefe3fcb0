// The form for a new job: what would come of it is told as it is filled in; outputs of other jobs
// are found; files are sent to be inputs; parameters are found among many.

const TYPING_MS = 400

const form = document.getElementById("new")
const token = () => document.querySelector("meta[name=csrf]")?.content ?? form.elements.csrf.value
const fieldBox = name => [...form.querySelectorAll("[data-field]")].find(each => each.dataset.field === name)
const controlOf = name => fieldBox(name).querySelector("input[name], textarea[name], select[name]")

// What is shown anew has times in it, which are made local.
const tellUpdated = element => document.dispatchEvent(new CustomEvent("live:updated", {detail: element}))

// --- what would come of it --------------------------------------------------------------------

// Fields that were left, or sent: beside the others nothing is told before they are filled in.
const left = new Set()
let isWanted = false
let isAsking = false

const tellFaults = faults => {
  for (const box of form.querySelectorAll("[data-field]")) {
    const control = box.querySelector("input[name], textarea[name], select[name]")
    const told = box.querySelector(".fault")
    const fault = left.has(control.name) || !told.hidden ? faults[control.name] ?? "" : ""
    told.hidden = fault === ""
    if (told.textContent !== fault) told.textContent = fault
    if (fault === "") control.removeAttribute("aria-invalid")
    else control.setAttribute("aria-invalid", "true")
  }
}

const check = async () => {
  isWanted = true
  if (isAsking) return
  isAsking = true
  const state = document.getElementById("checking")
  while (isWanted) {
    isWanted = false
    const body = new URLSearchParams(new FormData(form))
    const late = setTimeout(() => (state.textContent = "Checking…"), 300)
    try {
      const headers = {"HX-Request": "true", "X-CSRF-Token": token()}
      const reply = await fetch("/new/check", {method: "POST", headers, body})
      const fresh = new DOMParser().parseFromString(await reply.text(), "text/html")
      const verdict = fresh.getElementById("verdict")
      state.textContent = ""
      if (verdict === null) {
        const told = fresh.querySelector("[role=alert]")?.textContent.trim()
        state.textContent = told ?? `The hub answers ${reply.status}.`
      } else {
        const address = verdict.dataset.address
        if (address) history.replaceState(history.state, "", address)
        tellFaults(JSON.parse(verdict.dataset.faults))
        tellUpdated(verdict)
        const old = document.getElementById("verdict")
        if (!old.isEqualNode(verdict)) old.replaceWith(document.adoptNode(verdict))
      }
    } catch {
      state.textContent = "The hub cannot be reached; what is said here may be old."
    }
    clearTimeout(late)
  }
  isAsking = false
}

let typing = 0
form.addEventListener("input", event => {
  if (!event.target.name) return
  clearTimeout(typing)
  typing = setTimeout(check, TYPING_MS)
})
form.addEventListener("change", event => {
  if (!event.target.name) return
  left.add(event.target.name)
  clearTimeout(typing)
  check()
})
form.addEventListener("submit", event => {
  if (event.submitter?.getAttribute("formaction") !== "/new/check") return
  event.preventDefault()
  for (const box of form.querySelectorAll("[data-field]")) left.add(box.dataset.field)
  check()
})
// What the browser has filled in again when it went back.
window.addEventListener("pageshow", () => {
  const isOther = control =>
    control.tagName === "SELECT"
      ? [...control.options].some(option => option.selected !== option.defaultSelected)
      : control.type === "checkbox"
        ? control.checked !== control.defaultChecked
        : control.value !== control.defaultValue
  if ([...form.elements].some(each => each.name && each.type !== "hidden" && each.type !== "submit" && isOther(each))) check()
})

const fill = (name, place) => {
  const control = controlOf(name)
  const isMore = fieldBox(name).hasAttribute("data-takes-many") && control.value.trim() !== ""
  control.value = isMore ? `${control.value.trim()}\n${place}` : place
  control.dispatchEvent(new Event("change", {bubbles: true}))
}

// --- outputs of other jobs --------------------------------------------------------------------

const dialog = document.getElementById("outputs")
const search = document.getElementById("outputs-text")
const list = document.getElementById("outputs-list")
let picking = ""
let numAsked = 0

const look = async () => {
  const own = ++numAsked
  let found = null
  try {
    const query = new URLSearchParams({text: search.value})
    const reply = await fetch(`/new/outputs?${query}`, {headers: {"HX-Request": "true"}})
    // Parsed, not run: nothing that is parsed so runs.
    found = new DOMParser().parseFromString(await reply.text(), "text/html").getElementById("outputs-found")
  } catch {
    // Told below.
  }
  if (own !== numAsked) return
  list.replaceChildren(found ?? "The hub could not answer. Try again.")
  tellUpdated(list)
}

let looking = 0
search.addEventListener("input", () => {
  clearTimeout(looking)
  looking = setTimeout(look, 250)
})

document.addEventListener("click", event => {
  const pick = event.target.closest("[data-pick]")
  if (pick) {
    picking = pick.dataset.pick
    dialog.showModal()
    search.focus()
    look()
  }
  const use = event.target.closest("[data-use]")
  if (use) {
    dialog.close()
    fill(picking, use.dataset.use)
    controlOf(picking).focus()
  }
})

// --- files that are sent ----------------------------------------------------------------------

form.addEventListener("change", event => {
  const name = event.target.dataset.upload
  const file = event.target.files?.[0]
  if (!name || !file) return
  event.target.value = ""
  upload(name, file)
})

const upload = (name, file) => {
  const state = fieldBox(name).querySelector("[data-upload-state]")
  const request = new XMLHttpRequest() // it tells how far it has come; fetch does not
  request.open("POST", "/new/upload")
  request.setRequestHeader("X-CSRF-Token", token())
  request.setRequestHeader("Upload-Offset", "0")
  request.setRequestHeader("Content-Type", "application/octet-stream")
  request.upload.onprogress = event => {
    if (event.lengthComputable && event.total > 0) {
      state.textContent = `${file.name}: ${Math.floor((100 * event.loaded) / event.total)} %`
    }
  }
  request.onload = () => {
    if (request.status !== 200) {
      const told = new DOMParser().parseFromString(request.responseText, "text/html")
      const why = told.querySelector("[role=alert]")?.textContent.trim()
      state.textContent = `${file.name} was not taken: ${why ?? request.status}`
      return
    }
    state.textContent = `${file.name} is there.`
    // Its ending tells apps what it is.
    const ending = /\.[A-Za-z0-9]{1,10}(\.[A-Za-z0-9]{1,10})*$/.exec(file.name)?.[0] ?? ""
    const input = fieldBox(name).querySelector("label").firstElementChild.textContent
    const place = JSON.parse(request.responseText).url
    fill(name, ending ? `${place} as ${input}${ending}` : place)
  }
  request.onerror = () => (state.textContent = `${file.name}: the connection broke. Choose it again.`)
  request.send(file)
}

// --- one among many parameters ----------------------------------------------------------------

const wanted = document.getElementById("find-parameter")
const onlyChanged = document.getElementById("only-changed")

if (wanted) {
  const first = new Map([...form.querySelectorAll(".group [data-field]")].map(box => {
    const control = box.querySelector("input, textarea, select")
    return [box, control.value]
  }))
  const show = () => {
    const words = wanted.value.toLowerCase().split(/\s+/).filter(Boolean)
    let count = 0
    for (const [box, text] of first) {
      const told = `${box.dataset.field} ${box.textContent}`.toLowerCase()
      const fits = words.every(word => told.includes(word))
      const isIn = fits && (!onlyChanged.checked || box.querySelector("input, textarea, select").value !== text)
      box.hidden = !isIn
      count += isIn
    }
    for (const group of form.querySelectorAll(".group")) {
      group.hidden = group.querySelector("[data-field]:not([hidden])") === null
    }
    const isAll = count === first.size
    document.getElementById("num-found").textContent = isAll ? "" : `${count} shown`
  }
  wanted.addEventListener("input", show)
  wanted.addEventListener("keydown", event => event.key === "Enter" && event.preventDefault())
  onlyChanged.addEventListener("change", show)
  // A field that is wrong is never out of sight.
  document.addEventListener("click", event => {
    if (!event.target.closest(".faults a")) return
    wanted.value = ""
    onlyChanged.checked = false
    show()
  })
}

// A link to a field in closed details, or to one that a browser would only scroll to.
document.addEventListener("click", event => {
  const link = event.target.closest(".faults a")
  if (!link) return
  event.preventDefault()
  const control = document.getElementById(link.hash.slice(1))
  const details = control.closest("details")
  if (details) details.open = true
  control.focus()
})
