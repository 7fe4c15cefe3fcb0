// The theme that the user has chosen, before anything is shown. No module: those come too late.
{
  const root = document.documentElement
  try {
    const theme = localStorage.getItem("theme")
    if (theme) root.dataset.theme = theme
  } catch {
    // Nothing is kept in this browser: the system's theme it is.
  }
}
