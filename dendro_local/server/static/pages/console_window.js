// A window on a console: some hundred KB of it, wherever it is scrolled to.
//
// Above and below the lines that are loaded there is empty room for those that are not, in
// proportion to their bytes; so the scroll bar leads anywhere at once, however long the console is.
// Near an end of the window more is loaded there, and as much is dropped at the other.

import {Line} from "./console_terminal.js"

const FIRST_BYTES = 24 << 10
const WINDOW_BYTES = 48 << 10
const MOST_BYTES = 256 << 10
const NEAR_PX = 1500
const MOST_ROOM_PX = 6_000_000

const utf8 = new TextEncoder()

export class ConsoleWindow {
  size = 0 // of the whole console, in bytes
  start = 0 // of what is loaded
  end = 0
  attempt = null
  isFinal = false
  lines = [] // {at, element, line}, in order

  // Whoever has to do with it is told:
  onChange = () => {} // other lines are loaded
  onSettled = () => {} // nothing more is to be loaded
  onNewRun = () => {} // the job runs anew, and what is loaded is of another run
  onFault = () => {} // with why something could not be loaded
  isFollowed = () => false // asked: whether what is printed comes by itself

  #view
  #address
  #above = document.createElement("div")
  #content = document.createElement("div")
  #below = document.createElement("div")
  #hasOpenLine = false // the last line may go on
  #pxPerByte = 0.2
  #isBusy = false
  #isWanted = false

  constructor(view, address) {
    this.#view = view
    this.#address = address
    this.#content.className = "console-lines"
    this.#above.className = this.#below.className = "console-room"
  }

  get content() {
    return this.#content
  }

  // What the hub tells of the console. what: window, or find.
  async ask(what, parameters) {
    const reply = await fetch(`${this.#address}/${what}?${new URLSearchParams(parameters)}`)
    if (!reply.ok) throw new Error(`the hub answers ${reply.status}`)
    return reply.json()
  }

  // Show the end of the console, in place of what the page had.
  async begin() {
    const answer = await this.ask("window", {begin: -FIRST_BYTES})
    this.#view.replaceChildren(this.#above, this.#content, this.#below)
    this.#replace(answer)
    this.toBottom()
  }

  // Ask how long the console is by now, and of which run.
  async look() {
    this.#take(await this.ask("window", {begin: -1}))
  }

  empty() {
    this.lines = []
    this.start = this.end = this.size = 0
    this.#hasOpenLine = false
    this.#content.replaceChildren()
    this.arrange()
  }

  // --- where it is scrolled to ------------------------------------------------------------------

  isAtBottom() {
    return this.#view.scrollHeight - this.#view.scrollTop - this.#view.clientHeight < 8
  }

  toBottom() {
    this.#view.scrollTop = this.#view.scrollHeight
  }

  // The byte at the top of the view: as far as the room tells, or of the first line there.
  byteAtTop() {
    return this.#byteInRoom() ?? this.lines.find(each => each.element.offsetTop >= this.#view.scrollTop)?.at ?? 0
  }

  #byteInRoom() {
    const top = this.#view.scrollTop
    const first = this.#above.offsetHeight
    if (top < first) return Math.floor(top / this.#pxPerByte)
    const last = first + this.#content.offsetHeight
    if (top >= last) return Math.min(this.end + Math.floor((top - last) / this.#pxPerByte), this.size)
    return null
  }

  lineAt(byte) {
    let low = 0
    let high = this.lines.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.lines[middle].at <= byte) low = middle
      else high = middle - 1
    }
    return this.lines[low]
  }

  // Have a byte in view. place: how far down, as a part of the view.
  async show(byte, place) {
    if (byte >= this.start && byte < this.end) this.#scrollToByte(byte, place)
    else await this.#loadAround(byte, place)
  }

  #scrollToByte(byte, place = 0) {
    const found = this.lineAt(byte)
    if (found === undefined) return
    this.#view.scrollTop = found.element.offsetTop - place * this.#view.clientHeight
  }

  // Do something to the lines without moving those that are in view.
  keepingPlace(change) {
    const top = this.#view.getBoundingClientRect().top
    const anchor = this.lines.find(each => each.element.getBoundingClientRect().bottom > top)?.element
    const before = anchor?.getBoundingClientRect().top
    change()
    if (anchor?.isConnected) this.#view.scrollTop += anchor.getBoundingClientRect().top - before
  }

  // --- the lines --------------------------------------------------------------------------------

  #newLine(at, style) {
    const element = document.createElement("div")
    element.dataset.at = at
    return {at, element, line: new Line(style)}
  }

  // Lines of an answer as elements; style: of the line before.
  #made(answer, style) {
    return answer.lines.map(({at, text}) => {
      const each = this.#newLine(at, style)
      each.line.print(text)
      each.line.show(each.element)
      style = each.line.style
      return each
    })
  }

  // Leave room for what is not loaded.
  arrange() {
    this.#above.style.height = `${Math.round(this.start * this.#pxPerByte)}px`
    this.#below.style.height = `${Math.round((this.size - this.end) * this.#pxPerByte)}px`
  }

  // Find out how much room the lines take.
  measure() {
    const bytes = this.end - this.start
    if (bytes > 0) this.#pxPerByte = this.#content.offsetHeight / bytes
    this.#pxPerByte = Math.min(this.#pxPerByte, MOST_ROOM_PX / Math.max(this.size, 1))
  }

  #take(answer) {
    const was = this.attempt
    this.size = answer.size
    this.isFinal = answer.status === "completed" || answer.status === "failed"
    this.attempt = answer.attempt
    if (was !== null && was !== answer.attempt) this.onNewRun()
  }

  // Show what an answer has, and nothing else.
  #replace(answer) {
    this.#take(answer)
    this.lines = this.#made(answer)
    this.start = answer.start
    this.end = answer.end
    this.#hasOpenLine = answer.isLineOpen
    this.#content.replaceChildren(...this.lines.map(each => each.element))
    this.measure()
    this.arrange()
    this.onChange()
  }

  // Show what was printed after the end of what is loaded. end: the number of its last byte.
  // isFollowed: whether it is to be in view.
  append(text, end, {isFollowed}) {
    const pieces = text.split("\n")
    let at = this.end
    const fresh = []
    pieces.forEach((piece, index) => {
      const isLast = index === pieces.length - 1
      let current = this.#hasOpenLine ? this.lines.at(-1) : undefined
      if (current === undefined && !(isLast && piece === "")) {
        current = this.#newLine(at, this.lines.at(-1)?.line.style)
        this.lines.push(current)
        fresh.push(current)
      }
      current?.line.print(piece)
      current?.line.show(current.element)
      this.#hasOpenLine = isLast && current !== undefined && (piece !== "" || this.#hasOpenLine)
      at += utf8.encode(piece).length + 1
    })
    this.end = end
    this.size = Math.max(this.size, end)
    this.#content.append(...fresh.map(each => each.element))
    this.arrange()
    if (isFollowed) this.toBottom()
    this.#dropFirst()
    if (isFollowed) this.toBottom()
    this.onChange()
  }

  // --- moving -----------------------------------------------------------------------------------

  async loadEnd() {
    this.#replace(await this.ask("window", {begin: -FIRST_BYTES}))
    this.toBottom()
  }

  async #loadAround(byte, place = 0) {
    const begin = Math.max(byte - WINDOW_BYTES / 2, 0)
    this.#replace(await this.ask("window", {begin, end: begin + WINDOW_BYTES}))
    this.#scrollToByte(byte, place)
  }

  async #loadBefore() {
    const begin = Math.max(this.start - WINDOW_BYTES, 0)
    const answer = await this.ask("window", {begin, end: this.start, align: "begin"})
    if (answer.attempt !== this.attempt) return this.loadEnd()
    this.#take(answer)
    if (answer.end !== this.start || answer.lines.length === 0) return
    this.keepingPlace(() => {
      const more = this.#made(answer)
      this.#content.prepend(...more.map(each => each.element))
      this.lines.unshift(...more)
      this.start = answer.start
      this.arrange()
    })
    this.#dropLast()
    this.onChange()
  }

  async #loadAfter() {
    const answer = await this.ask("window", {begin: this.end, end: this.end + WINDOW_BYTES, align: "end"})
    if (answer.attempt !== this.attempt) return this.loadEnd()
    this.#take(answer)
    if (answer.start !== this.end || answer.lines.length === 0) return
    this.keepingPlace(() => {
      const more = this.#made(answer, this.lines.at(-1)?.line.style)
      this.#content.append(...more.map(each => each.element))
      this.lines.push(...more)
      this.end = answer.end
      this.#hasOpenLine = answer.isLineOpen
      this.arrange()
    })
    this.#dropFirst()
    this.onChange()
  }

  // Lines far from those in view are dropped again, where too many are loaded.
  #dropFirst() {
    const {lines, end} = this
    let count = 0
    while (count < lines.length - 1 && end - lines[count].at > MOST_BYTES) count++
    while (count > 0 && lines[count].element.offsetTop > this.#view.scrollTop) count--
    if (count === 0) return
    this.keepingPlace(() => {
      lines.splice(0, count).forEach(each => each.element.remove())
      this.start = lines[0].at
      this.arrange()
    })
  }

  #dropLast() {
    const {lines, start} = this
    let count = lines.length
    const bottom = this.#view.scrollTop + this.#view.clientHeight
    while (count > 1 && lines[count - 1].at - start > MOST_BYTES) count--
    while (count < lines.length && lines[count].element.offsetTop < bottom) count++
    if (count === lines.length) return
    this.end = lines[count].at
    lines.splice(count).forEach(each => each.element.remove())
    this.#hasOpenLine = false
    this.arrange()
  }

  #isAnyInView() {
    const top = this.#view.scrollTop - this.#above.offsetHeight
    return top < this.#content.offsetHeight && -top < this.#view.clientHeight
  }

  // Have the lines loaded that are in view, and some around them.
  async settle() {
    this.#isWanted = true
    if (this.#isBusy) return
    this.#isBusy = true
    try {
      for (let round = 0; this.#isWanted && round < 20; round++) {
        this.#isWanted = false
        const wasEnd = this.end
        const wasStart = this.start
        await this.#loadSome()
        this.#isWanted ||= this.end !== wasEnd || this.start !== wasStart
      }
      this.onSettled()
    } catch (error) {
      this.onFault(error)
    }
    this.#isBusy = false
  }

  async #loadSome() {
    const top = this.#view.scrollTop - this.#above.offsetHeight
    const last = this.#above.offsetHeight + this.#content.offsetHeight
    const room = last - this.#view.scrollTop - this.#view.clientHeight
    const byte = this.#byteInRoom() ?? this.start
    // Text that is written over itself fills no view, however much of it is loaded.
    const mayGrow = this.end - this.start < MOST_BYTES + WINDOW_BYTES
    if (!this.#isAnyInView() && this.size > 0) await this.#loadAround(Math.min(byte, this.size - 1))
    else if (mayGrow && top < NEAR_PX && this.start > 0) await this.#loadBefore()
    else if (mayGrow && room < NEAR_PX && this.end < this.size && !this.isFollowed()) await this.#loadAfter()
  }
}
