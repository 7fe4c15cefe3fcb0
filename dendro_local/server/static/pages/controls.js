// Small things that pages have in common.
//
//   <button data-copy="text">            copies the text; data-copy="#id" what that element says
//   <button data-dialog="id">            opens a <dialog>
//   <form method="get" data-lean>        empty fields do not come into the address

// --- copying ----------------------------------------------------------------------------------

const copy = async text => {
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  // Browsers have no clipboard for a hub that is reached by http from another machine.
  const area = document.createElement("textarea")
  area.value = text
  area.className = "unseen"
  document.body.append(area)
  area.select()
  const isCopied = document.execCommand("copy")
  area.remove()
  if (!isCopied) throw new Error("not copied")
}

const textToCopy = button => {
  const wanted = button.dataset.copy
  return wanted.startsWith("#") ? document.querySelector(wanted).textContent : wanted
}

const tellCopied = async button => {
  const label = button.dataset.label ?? button.textContent
  button.dataset.label = label
  try {
    await copy(textToCopy(button))
    button.textContent = "Copied"
  } catch {
    button.textContent = "Not copied"
  }
  setTimeout(() => (button.textContent = label), 1500)
}

document.addEventListener("click", event => {
  const button = event.target.closest("[data-copy], [data-dialog]")
  if (button?.dataset.copy !== undefined) tellCopied(button)
  else if (button) document.getElementById(button.dataset.dialog).showModal()
})

// --- addresses without empty fields -----------------------------------------------------------

document.addEventListener("formdata", event => {
  if (event.target.dataset.lean === undefined) return
  for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name)
})

document.addEventListener("htmx:configRequest", event => {
  if (event.target.dataset.lean === undefined) return
  const {formData} = event.detail
  for (const [name, value] of [...formData]) if (value === "") formData.delete(name)
})

// --- theme ------------------------------------------------------------------------------------

const root = document.documentElement
const select = document.getElementById("theme")
select.value = root.dataset.theme ?? ""
select.addEventListener("change", () => {
  if (select.value) root.dataset.theme = select.value
  else delete root.dataset.theme
  try {
    if (select.value) localStorage.setItem("theme", select.value)
    else localStorage.removeItem("theme")
  } catch {
    // Nothing is kept in this browser: it counts for this page.
  }
})
