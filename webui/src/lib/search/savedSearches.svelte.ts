// Searches kept by a name: our own and those shared with us, with how much waits of each.
import { call } from '../api/client'
import type { SavedSearch } from '../schema/types'
import type { Folder } from '../queue/row'
import { SHARED } from '../queue/row'

const EVERY = 60_000 // milliseconds between two counts: each is a search of its own

class Searches {
  items = $state.raw<SavedSearch[]>([])
  #counted = 0

  load = async (): Promise<void> => {
    this.#counted = Date.now()
    this.items = await call<{ items: SavedSearch[] }>('GET', '/searches?counts=true').then(({ items }) => items, () => this.items)
  }

  /** Something changed: count again, unless that was just done. */
  look = async (): Promise<void> => {
    if (!document.hidden && Date.now() - this.#counted > EVERY) await this.load()
  }

  async save(wish: Omit<SavedSearch, 'id' | 'by_name' | 'mine' | 'held'>): Promise<void> {
    await call('POST', '/searches', wish)
    await this.load()
  }

  async remove(id: string): Promise<void> {
    await call('DELETE', `/searches/${id}`)
    await this.load()
  }
}

export const searches = new Searches()

/** The folder of a search as the address bar says it. */
export const folderOf = (one: SavedSearch): Folder => ({ department: one.department ?? '', person: one.person === '' ? SHARED : (one.person ?? '') })
