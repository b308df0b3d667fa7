// A list that is read page by page: rules, decisions.
import { problemOf } from '../api/client'
import type { Page } from '../api/client'

export class Pages<T> {
  items = $state.raw<T[]>([])
  next = $state.raw<string | null>(null)
  lookedBackTo = $state<string | null>(null) // where a filter ran out of time: it goes on when somebody asks for more
  loaded = $state(false)
  failure = $state('')
  #generation = 0
  #pages = 1 // that are here
  #reading: Promise<unknown> = Promise.resolve()

  constructor(readonly read: (cursor: string | null) => Promise<Page<T>>) {}

  /** From the top. */
  load = (): Promise<void> => this.#begin(() => this.#fetch(1))

  /** Something changed: all that is here is read again, so that nobody loses their place. */
  again = (): Promise<void> => this.#reading.then(() => this.#begin(() => this.#fetch(this.#pages)))

  more = (): Promise<void> => (this.next ? this.#begin(() => this.#fetch(1, this.next, this.items)) : Promise.resolve())

  /** Without this one, which is gone; the place in the list is kept. */
  drop(gone: T): void {
    this.items = this.items.filter((one) => one !== gone)
  }

  #begin(work: () => Promise<void>): Promise<void> {
    const reading = work()
    this.#reading = reading
    return reading
  }

  /** So many pages, behind those that are kept. */
  async #fetch(pages: number, next: string | null = null, kept: readonly T[] = []): Promise<void> {
    const generation = ++this.#generation
    const items = [...kept]
    const isMore = next !== null
    let lookedBackTo: string | null = null
    try {
      for (let read = 0; read < pages && (next || !read); read++) {
        const page = await this.read(next)
        if (generation !== this.#generation) return
        items.push(...page.items)
        next = page.next_cursor
        lookedBackTo = page.looked_back_to ?? null
      }
      this.#pages = isMore ? this.#pages + 1 : pages
      this.items = items
      this.next = next
      this.lookedBackTo = lookedBackTo
      this.failure = ''
      this.loaded = true
    } catch (thrown) {
      if (generation === this.#generation) this.failure = problemOf(thrown).message
    }
  }
}
