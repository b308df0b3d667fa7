// One thing that a page is about: read, read again when something changed, or the reason why not.
import { problemOf } from '../api/client'

export class One<T> {
  value = $state.raw<T | null>(null)
  failure = $state('')
  missing = $state(false)

  constructor(readonly read: () => Promise<T>) {}

  #asked = 0

  /** Of several questions under way the last one counts. */
  load = async (): Promise<void> => {
    const asked = ++this.#asked
    try {
      const value = await this.read()
      if (asked !== this.#asked) return
      this.value = value
      this.failure = ''
      this.missing = false
    } catch (thrown) {
      if (asked !== this.#asked) return
      const problem = problemOf(thrown)
      this.missing = problem.status === 404 || problem.status === 422
      this.failure = problem.message
    }
  }
}
