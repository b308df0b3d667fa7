// What was typed into a field that finds recipients in the directory, and who was found. Made while a component starts.
import { problemOf } from '../api/client'
import type { Recipient } from '../schema/types'

const PAUSE = 120 // milliseconds after a key, before the directory is asked

export class RecipientSearch {
  text = $state('')
  found = $state.raw<Recipient[]>([])
  at = $state(0)
  failure = $state('')
  #answered = $state<string>() // what `found` was asked for
  readonly asking = $derived(this.text.trim())
  readonly isAnswered = $derived(this.#answered === this.asking)
  readonly chosen = $derived(this.isAnswered ? this.found[this.at] : undefined) // nobody, while what was typed since is looked up

  /** `find`: who is offered for what was typed, the one that is meant first. */
  constructor(find: (asked: string) => Promise<Recipient[]>) {
    $effect(() => {
      const asked = this.asking
      let wanted = true // until something else is typed
      const timer = setTimeout(async () => {
        try {
          const found = await find(asked)
          if (!wanted) return
          this.found = found
          this.at = asked ? 0 : -1 // nobody is chosen by nothing
          this.#answered = asked
          this.failure = ''
        } catch (thrown) {
          if (wanted) this.failure = problemOf(thrown).message
        }
      }, PAUSE)
      return () => ((wanted = false), clearTimeout(timer))
    })
  }

  /** Up and down among those who were found. */
  readonly keys = (event: KeyboardEvent): void => {
    if (event.key === 'ArrowDown') this.at = Math.min(this.at + 1, this.found.length - 1)
    else if (event.key === 'ArrowUp') this.at = Math.max(this.at - 1, 0)
    else return
    event.preventDefault()
  }
}
