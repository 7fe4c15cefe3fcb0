// While an exchange with a remote goes on, what is shown of it is asked for more often than there
// is news of jobs.

const EVERY_MS = 500

setInterval(() => {
  if (document.hidden || document.querySelector("[data-under-way]") === null) return
  document.dispatchEvent(new Event("live:refresh"))
}, EVERY_MS)
