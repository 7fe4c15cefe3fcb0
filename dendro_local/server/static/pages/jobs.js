// Selecting jobs in a list: how many are, all at once, and a row of them with shift.

const boxes = () => [...document.querySelectorAll("#list input[name=job]")]

const show = () => {
  const told = document.getElementById("num-selected")
  if (!told) return
  const all = boxes()
  const count = all.filter(box => box.checked).length
  const text = count === 0 ? "None selected" : `${count} selected`
  if (told.textContent !== text) told.textContent = text
  for (const button of document.querySelectorAll(".bulk button")) button.disabled = count === 0
  const every = document.getElementById("select-all")
  every.checked = count > 0 && count === all.length
  every.indeterminate = count > 0 && count < all.length
}

let last = null

document.addEventListener("click", event => {
  const box = event.target
  if (!(box instanceof HTMLInputElement) || box.name !== "job") return
  const all = boxes()
  const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((one, other) => one - other)
  if (event.shiftKey && from >= 0) {
    for (const each of all.slice(from, to + 1)) each.checked = box.checked
  }
  last = box
  show()
})

document.addEventListener("change", event => {
  if (event.target.id === "select-all") {
    for (const box of boxes()) box.checked = event.target.checked
  }
  show()
})

document.addEventListener("live:updated", show)
document.addEventListener("htmx:afterSettle", show)
window.addEventListener("pageshow", show)
show()
