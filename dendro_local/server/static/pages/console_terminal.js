// Text as a terminal shows it, a line at a time: what follows a carriage return is written over what
// was there, escape sequences set colours or are left out. What is printed only ever becomes text.

const BOLD = 1, DIM = 2, ITALIC = 4, UNDERLINE = 8, INVERSE = 16
const FLAGS = {1: BOLD, 2: DIM, 3: ITALIC, 4: UNDERLINE, 7: INVERSE}
const UNFLAGS = {22: BOLD | DIM, 23: ITALIC, 24: UNDERLINE, 27: INVERSE}

// A longer line goes on as another: cells are kept for each of its characters.
const MOST_CELLS = 100_000

const PLAIN = {flags: 0, front: -1, back: -1}

// Of 256 colours and of all others, the nearest of the first 16: those suit either theme.
const nearest = (red, green, blue) => {
  const most = Math.max(red, green, blue)
  if (most < 60) return 0
  const isGray = most - Math.min(red, green, blue) < 40
  if (isGray) return most < 150 ? 8 : most < 230 ? 7 : 15
  const bits = (red > most * 0.6) | ((green > most * 0.6) << 1) | ((blue > most * 0.6) << 2)
  return most > 200 ? bits + 8 : bits
}

const ofPalette = number => {
  if (number < 16) return number
  if (number >= 232) return nearest(...Array(3).fill((number - 232) * 10 + 8))
  const cube = number - 16
  const level = part => (part === 0 ? 0 : part * 40 + 55)
  return nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6))
}

const isNumber = (value, below) => Number.isInteger(value) && value >= 0 && value < below

// The style after a sequence of "select graphic rendition" (ECMA-48, 8.3.117).
const restyled = (style, parameters) => {
  const codes = parameters.split(/[;:]/).map(Number)
  let {flags, front, back} = style
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i]
    if (code === 0) [flags, front, back] = [0, -1, -1]
    else if (code in FLAGS) flags |= FLAGS[code]
    else if (code in UNFLAGS) flags &= ~UNFLAGS[code]
    else if (code >= 30 && code <= 37) front = code - 30
    else if (code >= 90 && code <= 97) front = code - 82
    else if (code >= 40 && code <= 47) back = code - 40
    else if (code >= 100 && code <= 107) back = code - 92
    else if (code === 39) front = -1
    else if (code === 49) back = -1
    else if (code === 38 || code === 48) {
      let color = -1
      if (codes[i + 1] === 5) {
        if (isNumber(codes[i + 2], 256)) color = ofPalette(codes[i + 2])
        i += 2
      } else if (codes[i + 1] === 2) {
        color = nearest(...codes.slice(i + 2, i + 5).map(each => each || 0), 0, 0, 0)
        i += 4
      }
      if (code === 38) front = color
      else back = color
    }
  }
  return {flags, front, back}
}

const classOf = ({flags, front, back}) => {
  if (flags & INVERSE) return `t-inverse${flags & BOLD ? " t-bold" : ""}`
  const names = []
  if (flags & BOLD) names.push("t-bold")
  if (flags & DIM) names.push("t-dim")
  if (flags & ITALIC) names.push("t-italic")
  if (flags & UNDERLINE) names.push("t-underline")
  if (front >= 0) names.push(`t-front-${front}`)
  if (back >= 0) names.push(`t-back-${back}`)
  return names.join(" ")
}

// What is no plain text: escape sequences, whole or cut off at the end, and control characters.
const SPECIAL =
  /\x1b(?:\[([0-?]*)([ -/]*)([@-~])|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-Z\\`-~]|[\s\S]{0,200}$)|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g
const HAS_SPECIAL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/
// Of a sequence whose end has not come yet; a longer one is none.
const OPEN = /\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]{0,200}\x1b?|[ -/]*)?$/

export class Line {
  // A line that is being printed. style: as the line before has left it.
  constructor(style = PLAIN) {
    this.style = style
    this.parts = [] // [text, class], while nothing was written over anything
    this.cells = null // [character, class] each, since something was
    this.column = 0
    this.open = ""
  }

  // More of its text, without line feeds.
  print(text) {
    text = this.open + text
    this.open = ""
    if (!HAS_SPECIAL.test(text)) return this.put(text)
    const open = OPEN.exec(text)
    if (open !== null) {
      this.open = open[0]
      text = text.slice(0, open.index)
    }
    let at = 0
    SPECIAL.lastIndex = 0
    for (let found; (found = SPECIAL.exec(text)) !== null; at = SPECIAL.lastIndex) {
      this.put(text.slice(at, found.index))
      if (found[0] === "\r") this.move(0)
      else if (found[0] === "\b") this.move(Math.max(this.column - 1, 0))
      else if (found[3] !== undefined) this.control(found[1], found[3])
      if (found[0] === "") SPECIAL.lastIndex++
    }
    this.put(text.slice(at))
  }

  control(parameters, final) {
    if (final === "m") {
      this.style = restyled(this.style, parameters)
      return
    }
    const number = Math.min(parseInt(parameters, 10) || 0, MOST_CELLS)
    if (final === "K") this.erase(number)
    else if (final === "G") this.move(Math.max(number - 1, 0))
    else if (final === "C") this.move(this.column + Math.max(number, 1))
    else if (final === "D") this.move(Math.max(this.column - Math.max(number, 1), 0))
  }

  // 0: what follows; 1: what precedes; 2: all of it.
  erase(what) {
    const cells = this.asCells()
    if (what === 0) cells.length = Math.min(cells.length, this.column)
    else if (what === 1) cells.fill([" ", ""], 0, this.column + 1)
    else cells.length = 0
  }

  move(column) {
    const isAtEnd = this.cells === null && column === this.column
    if (!isAtEnd) this.asCells()
    this.column = Math.min(column, MOST_CELLS)
  }

  asCells() {
    this.cells ??= this.parts.flatMap(([text, name]) => [...text].map(each => [each, name]))
    return this.cells
  }

  put(text) {
    if (text === "") return
    const name = classOf(this.style)
    if (this.cells === null) {
      const last = this.parts.at(-1)
      if (last !== undefined && last[1] === name) last[0] += text
      else this.parts.push([text, name])
      this.column += [...text].length
      return
    }
    while (this.cells.length < Math.min(this.column, MOST_CELLS)) this.cells.push([" ", ""])
    for (const each of text) if (this.column < MOST_CELLS) this.cells[this.column++] = [each, name]
  }

  // Its text in pieces of one look each: [text, class].
  segments() {
    if (this.cells === null) return this.parts
    const segments = []
    for (const [text, name] of this.cells) {
      const last = segments.at(-1)
      if (last !== undefined && last[1] === name) last[0] += text
      else segments.push([text, name])
    }
    return segments
  }

  // Show it in an element.
  show(element) {
    const nodes = this.segments().map(([text, name]) => {
      if (name === "") return document.createTextNode(text)
      const span = document.createElement("span")
      span.className = name
      span.textContent = text
      return span
    })
    element.replaceChildren(...nodes)
  }
}
