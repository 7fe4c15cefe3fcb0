// The last day as two charts, from the table beside them.

const HALF_HOUR_SEC = 1800

const two = number => String(number).padStart(2, "0")
const clock = seconds => {
  const date = new Date(seconds * 1000)
  return `${two(date.getHours())}:${two(date.getMinutes())}`
}

const length = seconds => {
  if (seconds < 10) return `${Number(seconds.toFixed(seconds < 1 ? 2 : 1))} s`
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return `${Math.round(seconds / 3600)} h`
}

const read = table => {
  const rows = new Map()
  for (const row of table.tBodies[0].rows) rows.set(Number(row.dataset.at), row.dataset)
  const [first, last] = [Number(table.dataset.first), Number(table.dataset.last)]
  const found = {at: [], completed: [], failed: [], waited: []}
  for (let at = first; at <= last; at += HALF_HOUR_SEC) {
    const row = rows.get(at)
    found.at.push(at)
    found.completed.push(Number(row?.completed ?? 0))
    found.failed.push(Number(row?.failed ?? 0))
    found.waited.push(row?.waited ? Number(row.waited) : null)
  }
  return found
}

const options = (element, title, range, series, axis, tell) => {
  const style = getComputedStyle(element)
  const colour = name => style.getPropertyValue(name)
  const font = `12px ${colour("--sans")}`
  const lines = {stroke: colour("--muted"), font, grid: {stroke: colour("--line"), width: 1}, ticks: {show: false}}
  const output = title.querySelector("output") ?? title.appendChild(document.createElement("output"))
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    legend: {show: false},
    cursor: {y: false, drag: {x: false, y: false}, points: {show: false}},
    padding: [6, 0, 0, 0],
    scales: {x: {time: true, range: () => range}, y: {range: (_, least, most) => [0, Math.max(most, 1e-9)]}},
    series: [{}, ...series(colour)],
    axes: [
      {...lines, size: 20, gap: 2, space: 60, grid: {show: false}, values: (_, at) => at.map(clock)},
      {...lines, size: 56, gap: 4, space: 26, ...axis},
    ],
    hooks: {
      setCursor: [plot => (output.textContent = plot.cursor.idx === null ? "" : tell(plot.cursor.idx))],
    },
  }
}

let plots = []
let shown = ""

const draw = () => {
  const table = document.getElementById("half-hours")
  const [ended, waited] = ["ended-chart", "waited-chart"].map(id => document.getElementById(id))
  if (!table || !ended || !window.uPlot) return
  const theme = getComputedStyle(ended).getPropertyValue("color")
  const state = [table.dataset.last, table.tBodies[0].textContent, ended.clientWidth, theme].join()
  if (state === shown && ended.childElementCount) return
  shown = state
  for (const plot of plots) plot.destroy()
  const found = read(table)
  const range = [found.at[0], found.at.at(-1) + HALF_HOUR_SEC]
  const time = index => `${clock(found.at[index])}–${clock(found.at[index] + HALF_HOUR_SEC)}`
  const bars = uPlot.paths.bars({size: [0.8, 60], align: 1})
  const bar = fill => ({paths: bars, fill, stroke: fill, width: 0, points: {show: false}})
  const total = found.completed.map((count, index) => count + found.failed[index])
  plots = [
    new uPlot(
      options(
        ended,
        document.getElementById("ended-title"),
        range,
        colour => [bar(colour("--bad")), bar(colour("--ok"))],
        {incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6]},
        index => `${time(index)} ${found.completed[index]} completed, ${found.failed[index]} failed`,
      ),
      [found.at, total, found.completed],
      ended,
    ),
    new uPlot(
      options(
        waited,
        document.getElementById("waited-title"),
        range,
        colour => [{stroke: colour("--accent"), width: 1.5, points: {show: true, size: 4, fill: colour("--accent")}}],
        {values: (_, seconds) => seconds.map(length)},
        index => `${time(index)} ${found.waited[index] === null ? "none started" : length(found.waited[index])}`,
      ),
      [found.at.map(at => at + HALF_HOUR_SEC / 2), found.waited],
      waited,
    ),
  ]
}

draw()
for (const name of ["live:updated", "htmx:afterSettle"]) document.addEventListener(name, draw)
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw)
new MutationObserver(draw).observe(document.documentElement, {attributeFilter: ["data-theme"]})
window.addEventListener("resize", draw)
