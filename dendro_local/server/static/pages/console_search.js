// Searching a console: the hub looks through all of it, and what is loaded is marked where it is.

const MOST_MARKED = 5000
const PLACE = 0.4 // how far down the view a match is shown

export class ConsoleSearch {
  onTold = () => {} // with what is to be told of the search
  onFound = () => {} // told before a match is shown

  #shown
  #foundAt = null
  #wanted = ""
  #searching = 0

  // shown: the window on the console.
  constructor(shown) {
    this.#shown = shown
  }

  // Marks what is found in the lines that are loaded, in the text as it is shown.
  highlight() {
    const {content, lines, start, end} = this.#shown
    for (const each of content.querySelectorAll(".is-found")) each.classList.remove("is-found")
    if (globalThis.CSS?.highlights) CSS.highlights.delete("found")
    if (this.#wanted === "") return
    const lowered = this.#wanted.toLowerCase()
    const ranges = []
    for (const {element} of lines) {
      if (element.textContent.toLowerCase().includes(lowered)) mark(element, lowered, ranges)
    }
    if (globalThis.CSS?.highlights) CSS.highlights.set("found", new Highlight(...ranges))
    const at = this.#foundAt
    if (at !== null && at >= start && at < end) this.#shown.lineAt(at)?.element.classList.add("is-found")
  }

  // Show the next match of a text, or the one before; none of an empty one.
  async find(text, {isBackwards}) {
    if (text !== this.#wanted) this.#foundAt = null
    this.#wanted = text
    const mine = ++this.#searching
    if (text === "") {
      this.highlight()
      return this.onTold("")
    }
    try {
      const at = this.#foundAt
      const from = at === null ? this.#shown.byteAtTop() : isBackwards ? at : at + 1
      let found = await this.#findFrom(from, isBackwards, mine)
      const isAround = found === null
      if (isAround) found = await this.#findFrom(isBackwards ? this.#shown.size : 0, isBackwards, mine)
      if (found !== undefined) await this.#show(found, isAround ? (isBackwards ? "end" : "beginning") : null)
    } catch (error) {
      this.onTold(`Not searched: ${error.message}`)
    }
  }

  // The byte of the next match; null if there is none, undefined if another search has begun.
  async #findFrom(begin, isBackwards, mine) {
    for (;;) {
      const answer = await this.#shown.ask("find", {text: this.#wanted, begin, backwards: isBackwards})
      if (mine !== this.#searching) return undefined
      this.#shown.size = Math.max(this.#shown.size, answer.size)
      if (answer.at !== null || answer.hasEnded) return answer.at
      begin = answer.searchedTo
      const size = this.#shown.size
      this.onTold(`Searching, ${Math.round((100 * (isBackwards ? size - begin : begin)) / size)} %`)
    }
  }

  // around: the end from which the search went on, if it came to the other.
  async #show(at, around) {
    this.#foundAt = at
    if (at === null) {
      this.highlight()
      return this.onTold("Not found")
    }
    this.onFound()
    await this.#shown.show(at, PLACE)
    this.highlight()
    const size = this.#shown.size
    const percent = size === 0 ? 0 : Math.floor((100 * at) / size)
    this.onTold(`Found at ${percent} %${around === null ? "" : `, from the ${around} on`}`)
  }
}

// Adds a range for each place of an element where a text in small letters is.
const mark = (element, lowered, ranges) => {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT)
  for (let node; (node = walker.nextNode()) !== null; ) {
    const text = node.data.toLowerCase()
    for (let at = text.indexOf(lowered); at >= 0 && ranges.length < MOST_MARKED; at = text.indexOf(lowered, at + lowered.length)) {
      const range = new Range()
      range.setStart(node, at)
      range.setEnd(node, Math.min(at + lowered.length, node.length))
      ranges.push(range)
    }
  }
}
