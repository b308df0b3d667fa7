// Notice about a key press that was ignored: shown for a moment, and read aloud.

const STAYS = 3_000 // milliseconds

class Cue {
  words = $state('')
  #timer = 0

  show(words: string): void {
    this.words = words
    clearTimeout(this.#timer)
    this.#timer = window.setTimeout(() => (this.words = ''), STAYS)
  }
}

export const cue = new Cue()
