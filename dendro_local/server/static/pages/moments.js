// Times in the zone of whoever looks, and lengths of time that go on.

const two = number => String(number).padStart(2, "0")

const day = date => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`

const localize = element => {
  if (element.dataset.isLocal === element.dateTime) return
  const date = new Date(element.dateTime)
  if (Number.isNaN(date.getTime())) return
  const seconds = element.dataset.precise === undefined ? "" : `:${two(date.getSeconds())}`
  element.title = `${element.dateTime.replace("T", " ").replace("Z", "")} UTC`
  element.textContent = `${day(date)} ${two(date.getHours())}:${two(date.getMinutes())}${seconds}`
  element.dataset.isLocal = element.dateTime
}

// The clock of the hub, where it is not that of this machine.
const sentAt = Number(document.querySelector("meta[name=now]")?.content)
const receivedAt = performance.timeOrigin + performance.getEntriesByType("navigation")[0].responseStart
const behindMs = sentAt ? sentAt * 1000 - receivedAt : 0

const duration = seconds => {
  const whole = Math.max(Math.floor(seconds), 0)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`
  if (whole < 48 * 3600) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`
}

const tick = () => {
  const now = (Date.now() + behindMs) / 1000
  for (const element of document.querySelectorAll("[data-ticking]")) {
    const text = duration(now - Number(element.dataset.ticking))
    // The node stays, so that a selection that begins or ends in it does too.
    if (element.firstChild.data !== text) element.firstChild.data = text
  }
}

const show = root => {
  for (const element of root.querySelectorAll("time[datetime]")) localize(element)
  tick()
}

show(document)
document.addEventListener("live:updated", event => show(event.detail))
document.addEventListener("htmx:load", event => show(event.detail.elt))
document.addEventListener("visibilitychange", () => document.hidden || tick())
setInterval(() => document.hidden || tick(), 1000)
