// What a job prints while somebody looks: it comes by a stream, and is shown a few times a second.

const SHOW_MS = 100
const RETRY_MS = [500, 1000, 2000, 3000]

export class ConsoleFollower {
  isOpen = false

  onShown = () => {} // told when something new is shown
  onEnd = () => {} // told when the job has ended

  #shown
  #address
  #isWanted
  #source = null
  #text = "" // what has come and is not shown yet
  #textEnd = 0
  #timer = 0
  #numFailed = 0
  #retry = 0

  // shown: the window; isWanted: tells whether to follow; address: of the console.
  constructor(shown, isWanted, address) {
    this.#shown = shown
    this.#isWanted = isWanted
    this.#address = address
  }

  close() {
    clearTimeout(this.#retry)
    clearTimeout(this.#timer)
    this.#timer = 0
    this.#source?.close()
    this.#source = null
    this.isOpen = false
    this.#text = ""
  }

  restart() {
    this.close()
    this.#retry = setTimeout(() => this.resume(), 0)
  }

  // Go on with what is printed, from the end of what is loaded if that is near the end of all.
  async resume() {
    const shown = this.#shown
    if (!this.#isWanted() || shown.isFinal) return
    try {
      const was = shown.attempt
      await shown.look()
      if (shown.end !== shown.size || shown.attempt !== was) await shown.loadEnd()
      this.#open()
    } catch {
      this.#tryLater()
    }
  }

  #tryLater() {
    const wait = RETRY_MS[Math.min(this.#numFailed++, RETRY_MS.length - 1)]
    this.#retry = setTimeout(() => this.resume(), wait)
  }

  #open() {
    const shown = this.#shown
    this.close()
    if (document.hidden || shown.isFinal) return
    this.#source = new EventSource(`${this.#address}?offset=${shown.end}`)
    this.#textEnd = shown.end
    this.isOpen = true
    this.#source.addEventListener("began", event => {
      const now = JSON.parse(event.data).attempt
      if (shown.end > 0 || (shown.attempt !== null && shown.attempt !== now)) {
        this.#text = ""
        shown.empty()
      }
      shown.attempt = now
    })
    this.#source.addEventListener("text", event => {
      this.#numFailed = 0
      this.#text += JSON.parse(event.data).text
      this.#textEnd = Number(event.lastEventId)
      this.#timer ||= setTimeout(() => this.#show(), SHOW_MS)
    })
    this.#source.addEventListener("end", () => {
      this.#show()
      shown.isFinal = true
      this.close()
      this.onEnd()
    })
    this.#source.onerror = () => {
      this.#show()
      this.close()
      this.#tryLater()
    }
  }

  #show() {
    clearTimeout(this.#timer)
    this.#timer = 0
    if (this.#text === "") return
    const text = this.#text
    this.#text = ""
    this.onShown(() => this.#shown.append(text, this.#textEnd, {isFollowed: this.#isWanted()}))
  }
}
