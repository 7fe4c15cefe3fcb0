// What the page of a job does beside its console and its charts.

const LOOK_MS = 10_000

const status = () => document.getElementById("job-head")?.dataset.status

// Why a job waits changes with compute clients too, of which no news of jobs tells.
setInterval(() => {
  if (status() === "pending") document.dispatchEvent(new Event("live:refresh"))
}, LOOK_MS)

// Of a lineage that is wider than its place, the job itself is seen first.
const lineage = document.querySelector(".lineage")
const here = lineage?.querySelector("foreignObject:has(.here)")
if (here) {
  const middle = here.x.baseVal.value + here.width.baseVal.value / 2
  lineage.scrollLeft = middle - lineage.clientWidth / 2
}

// A text of the page as a file: <a data-save="#id" download="name">.
document.addEventListener("click", event => {
  const link = event.target.closest("[data-save]")
  if (link === null) return
  const text = document.querySelector(link.dataset.save).textContent
  link.href = URL.createObjectURL(new Blob([text], {type: "text/x-python"}))
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
})

// What is asked about before it is done is put away again by Escape, or by going elsewhere.
const putAway = menu => (menu.open = false)
document.addEventListener("keydown", event => {
  const menu = event.key === "Escape" && document.querySelector(".menu[open]")
  if (!menu) return
  putAway(menu)
  menu.querySelector("summary").focus()
})
document.addEventListener("click", event => {
  for (const menu of document.querySelectorAll(".menu[open]")) {
    if (!menu.contains(event.target)) putAway(menu)
  }
})
