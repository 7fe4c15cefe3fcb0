// What jobs have used, drawn over one another, each from its own start on.

const HEIGHT_PX = 190
const COLOURS = ["--accent", "--warn", "--ok", "--bad", "--muted", "--text"]

const bytes = value => {
  for (const [unit, factor] of [["TB", 1e12], ["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (value >= factor) return `${Number((value / factor).toPrecision(3))} ${unit}`
  }
  return `${Math.round(value)} B`
}
const percent = value => `${Number(value.toPrecision(3))} %`
const CHARTS = [["CPU", "cpu", percent], ["Memory", "memory", bytes]]

let drawn = []
let shown = ""

const draw = isForced => {
  const box = document.getElementById("usage-charts")
  const source = document.getElementById("usage-lines")
  if (!box || !source || (!isForced && source.textContent === shown)) return
  shown = source.textContent
  const lines = JSON.parse(shown)
  const color = name => getComputedStyle(box).getPropertyValue(name).trim()
  const longest = Math.max(...lines.map(({at}) => (at.length ? at.at(-1) - at[0] : 0)))
  const [unit, factor] = longest < 180 ? ["s", 1] : longest < 10_800 ? ["min", 60] : ["h", 3600]
  for (const plot of drawn) plot.destroy()
  drawn = []
  box.replaceChildren()
  for (const [name, field, format] of CHARTS) {
    const figure = document.createElement("figure")
    const caption = document.createElement("figcaption")
    caption.textContent = name
    const chart = document.createElement("div")
    chart.className = "chart"
    figure.append(caption, chart)
    box.append(figure)
    // One line for each job, in the order of the columns; a job without a log has an empty one.
    const data = uPlot.join(lines.map(line => [line.at.map(at => (at - line.at[0]) / factor), line[field]]))
    const axis = {stroke: color("--muted"), grid: {stroke: color("--line"), width: 1}, ticks: {show: false}}
    const plot = new uPlot(
      {
        width: chart.clientWidth,
        height: HEIGHT_PX,
        legend: {show: false},
        cursor: {sync: {key: "compare"}, y: false, drag: {x: false, y: false}},
        scales: {x: {time: false}, y: {range: (_, low, high) => [0, Math.max(high ?? 0, 1) * 1.05]}},
        axes: [
          {...axis, values: (_, values) => values.map(each => `${Number(each.toPrecision(6))} ${unit}`), size: 28},
          {...axis, values: (_, values) => values.map(format), size: 76},
        ],
        series: [
          {},
          ...lines.map(({at}, index) => ({
            stroke: color(COLOURS[index]),
            dash: index % 2 ? [6, 4] : undefined,
            width: 1.5,
            spanGaps: true,
            points: {show: at.length < 3},
          })),
        ],
        hooks: {
          setCursor: [
            ({cursor, data: values}) => {
              const {idx} = cursor
              const told = lines
                .map(({id}, index) => [index, id, idx === null || idx === undefined ? null : values[index + 1][idx]])
                .filter(([, , value]) => value !== null && value !== undefined)
                .map(([index, id, value]) => `${index + 1} ${id}: ${format(value)}`)
              caption.textContent = [name, ...told].join("   ")
            },
          ],
        },
      },
      data,
      chart,
    )
    plot.root.setAttribute("role", "img")
    plot.root.setAttribute("aria-label", `${name} of the jobs over time; the table has the peaks`)
    drawn.push(plot)
  }
}

draw(true)
document.addEventListener("live:updated", () => draw(false))
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(true))
new MutationObserver(() => draw(true)).observe(document.documentElement, {attributeFilter: ["data-theme"]})
window.addEventListener("resize", () => {
  for (const plot of drawn) {
    const width = plot.root.parentElement.clientWidth
    if (width > 0 && width !== plot.width) plot.setSize({width, height: HEIGHT_PX})
  }
})
