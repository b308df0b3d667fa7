// The dry run of each scope, asked for together so that the counts stand beside the choices.
import { api, problemOf } from '../api/client'
import { painted } from '../ui/afterPaint'
import type { PurgeScope } from './purgeScope'
import type { Evidence } from '../schema/types'

export class Evidences {
  found = $state.raw<Record<string, Evidence>>({})
  failed = $state.raw<Record<string, string>>({}) // why one could not be counted

  constructor(readonly purgeScopes: readonly PurgeScope[], readonly verb?: 'purge') {
    painted(this.count) // the sheet first: to ask takes as long as to show it
  }

  /** Ask for what is not counted yet. */
  count = (): void => this.purgeScopes.filter(({ name }) => !this.found[name]).forEach((purgeScope) => void this.#ask(purgeScope))

  /** Has it an answer, either way? */
  answered = ({ name }: PurgeScope): boolean => name in this.found || name in this.failed

  async #ask({ name, select }: PurgeScope): Promise<void> {
    try {
      const evidence = await api.preview(select, this.verb)
      this.found = { ...this.found, [name]: evidence }
    } catch (thrown) {
      this.failed = { ...this.failed, [name]: problemOf(thrown).message }
    }
  }
}
