// One thing that a page is about: read, read again when something changed, or the reason why not.
import { problemOf } from './api'

export class One<T> {
  value = $state.raw<T | null>(null)
  failure = $state('')
  missing = $state(false)

  constructor(readonly read: () => Promise<T>) {}

  load = async (): Promise<void> => {
    try {
      this.value = await this.read()
      this.failure = ''
      this.missing = false
    } catch (thrown) {
      const problem = problemOf(thrown)
      this.missing = problem.status === 404 || problem.status === 422
      this.failure = problem.message
    }
  }
}
