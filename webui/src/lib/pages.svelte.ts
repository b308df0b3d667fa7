// A list that is read page by page: rules, decisions.
import { problemOf } from './api'
import type { Page } from './shapes'

export class Pages<T> {
  items = $state.raw<T[]>([])
  next = $state.raw<string | null>(null)
  loaded = $state(false)
  failure = $state('')
  #generation = 0

  constructor(readonly read: (cursor: string | null) => Promise<Page<T>>) {}

  /** From the top. */
  load = (): Promise<void> => this.#fetch(null)

  more = (): Promise<void> => (this.next ? this.#fetch(this.next) : Promise.resolve())

  /** Without this one, which is gone; the place in the list is kept. */
  drop(gone: T): void {
    this.items = this.items.filter((one) => one !== gone)
  }

  async #fetch(cursor: string | null): Promise<void> {
    const generation = ++this.#generation
    try {
      const page = await this.read(cursor)
      if (generation !== this.#generation) return
      this.items = cursor ? [...this.items, ...page.items] : page.items
      this.next = page.next_cursor
      this.failure = ''
      this.loaded = true
    } catch (thrown) {
      if (generation === this.#generation) this.failure = problemOf(thrown).message
    }
  }
}
