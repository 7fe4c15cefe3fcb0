// What a job uses, drawn: CPU, memory, disk, network, GPU. While it runs, anew every few seconds.

const POINTS = 300
const EVERY_MS = 5000
const HEIGHT_PX = 150

const box = document.getElementById("usage-charts")
const section = () => document.getElementById("usage")
const isRunning = () =>
  ["starting", "running"].includes(document.getElementById("job-head")?.dataset.status)

const bytes = value => {
  if (value === null || value === undefined) return ""
  for (const [unit, factor] of [["TB", 1e12], ["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (value >= factor) return `${Number((value / factor).toPrecision(3))} ${unit}`
  }
  return `${Math.round(value)} B`
}
const perSecond = value => (value === null || value === undefined ? "" : `${bytes(value)}/s`)
const percent = value => (value === null || value === undefined ? "" : `${Number(value.toPrecision(3))} %`)

// Each chart: its name, what its values are in, and its lines: label and field of the answer.
const CHARTS = [
  ["CPU", percent, [["CPU", "cpuPercent"]]],
  ["Memory", bytes, [["memory", "memoryBytes"]]],
  ["Disk", perSecond, [["read", "readBytesPerSec"], ["written", "writtenBytesPerSec"]]],
  ["Network", perSecond, [["received", "receivedBytesPerSec"], ["sent", "sentBytesPerSec"]]],
  ["GPU", percent, [["GPU", "gpuPercent"]]],
  ["GPU memory", bytes, [["GPU memory", "gpuMemoryBytes"]]],
]

let drawn = [] // {plot, fields, latest}
let last = null

const color = name => getComputedStyle(box).getPropertyValue(name).trim()

// Times are shown from the first of them on, in a unit in which axes have round numbers.
const unitOf = series => {
  const seconds = series.at.at(-1) - series.at[0]
  return seconds < 180 ? ["s", 1] : seconds < 10_800 ? ["min", 60] : ["h", 3600]
}
const dataOf = (series, fields) => {
  const [, factor] = unitOf(series)
  return [series.at.map(at => (at - series.at[0]) / factor), ...fields.map(field => series[field])]
}

const draw = series => {
  for (const {plot} of drawn) plot.destroy()
  drawn = []
  box.replaceChildren()
  for (const [name, format, all] of CHARTS) {
    const shown = all.filter(([, field]) => series[field].some(value => value !== null))
    if (shown.length === 0) continue
    const figure = document.createElement("figure")
    const caption = document.createElement("figcaption")
    const title = document.createElement("strong")
    title.textContent = name
    const latest = shown.map(([label], index) => {
      const each = document.createElement("span")
      each.className = shown.length > 1 ? `key-${index + 1}` : ""
      each.dataset.label = shown.length > 1 ? `${label} ` : ""
      return each
    })
    caption.append(title, ...latest)
    const chart = document.createElement("div")
    chart.className = "chart"
    figure.append(caption, chart)
    box.append(figure)
    const axis = {stroke: color("--muted"), grid: {stroke: color("--line"), width: 1}, ticks: {show: false}}
    const fields = shown.map(([, field]) => field)
    const [unit] = unitOf(series)
    const options = {
      width: chart.clientWidth,
      height: HEIGHT_PX,
      legend: {show: false},
      cursor: {sync: {key: "usage"}, y: false, drag: {x: false, y: false}},
      scales: {x: {time: false}, y: {range: (_, low, high) => [0, Math.max(high ?? 0, 1) * 1.05]}},
      axes: [
        {...axis, values: (_, values) => values.map(each => `${Number(each.toPrecision(6))} ${unit}`), size: 28},
        {...axis, values: (_, values) => values.map(format), size: 76},
      ],
      series: [
        {},
        ...fields.map((field, index) => ({
          stroke: color(index === 0 ? "--accent" : "--warn"),
          dash: index === 0 ? undefined : [5, 4],
          width: 1.5,
          points: {show: series.at.length < 3},
        })),
      ],
      hooks: {
        setCursor: [plot => tell({plot, fields, latest, format}, plot.cursor.idx)],
      },
    }
    const plot = new uPlot(options, dataOf(series, fields), chart)
    plot.root.setAttribute("role", "img")
    plot.root.setAttribute("aria-label", `${name} over time; the table has the values`)
    const entry = {plot, fields, latest, format}
    drawn.push(entry)
    tell(entry, null)
  }
}

// The values where the pointer is, or else the last ones.
const tell = ({plot, latest, format}, index) => {
  latest.forEach((element, line) => {
    const values = plot.data[line + 1]
    const value = index === null || index === undefined ? values.findLast(each => each !== null) : values[index]
    element.textContent = `${element.dataset.label}${format(value)}`
  })
}

// What draws is loaded when there is something to draw: most jobs are too short for that.
let plotting = null

const add = (name, attributes) =>
  new Promise((done, fail) => {
    const element = Object.assign(document.createElement(name), attributes, {onload: done, onerror: fail})
    document.head.append(element)
  })

const loadPlot = () =>
  (plotting ??= Promise.all([
    add("link", {rel: "stylesheet", href: box.dataset.plotStyle}),
    add("script", {src: box.dataset.plot}),
  ]))

const update = series => {
  const fields = CHARTS.flatMap(([, , all]) => all.map(([, field]) => field))
  const has = one => fields.filter(field => one?.[field].some(value => value !== null)).join()
  if (series.at.length === 0) return
  const isSame = drawn.length > 0 && has(series) === has(last) && unitOf(series)[0] === unitOf(last)[0]
  last = series
  section().hidden = false
  if (!isSame) return draw(series)
  for (const entry of drawn) {
    entry.plot.setData(dataOf(series, entry.fields))
    tell(entry, null)
  }
}

let isAsking = false

const load = async () => {
  if (isAsking || document.hidden) return
  isAsking = true
  try {
    const reply = await fetch(`${box.dataset.address}?points=${POINTS}`)
    if (!reply.ok) throw new Error(`the hub answers ${reply.status}`)
    const series = await reply.json()
    if (series.at.length > 0) await loadPlot()
    update(series)
  } catch {
    // Told by the page's own stream.
  }
  isAsking = false
}

const redraw = () => last !== null && draw(last)

new ResizeObserver(() => {
  for (const {plot} of drawn) {
    const width = plot.root.parentElement.clientWidth
    if (width > 0 && width !== plot.width) plot.setSize({width, height: HEIGHT_PX})
  }
}).observe(box)
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw)
new MutationObserver(redraw).observe(document.documentElement, {attributeFilter: ["data-theme"]})

// A finished job's usage is asked for when it is seen, a running one's while it is.
let isSeen = false
new IntersectionObserver(entries => {
  isSeen = entries.at(-1).isIntersecting
  if (isSeen && (last === null || isRunning())) load()
}, {rootMargin: "300px"}).observe(section())
setInterval(() => isRunning() && (isSeen || section().hidden) && load(), EVERY_MS)
document.addEventListener("live:updated", event => {
  if (event.detail.id !== "usage") return
  if (last !== null) section().hidden = false
  if (!isRunning() || section().hidden) load()
})
