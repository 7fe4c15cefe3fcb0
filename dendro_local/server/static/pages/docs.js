// The description of the HTTP interface, in the theme that was chosen on the pages.

const view = document.querySelector("rapi-doc")

const chosen = () => {
  try {
    return localStorage.getItem("theme")
  } catch {
    return null // nothing is kept in this browser
  }
}

const isDark = matchMedia("(prefers-color-scheme: dark)")
const show = () => view.setAttribute("theme", chosen() || (isDark.matches ? "dark" : "light"))

isDark.addEventListener("change", show)
show()
