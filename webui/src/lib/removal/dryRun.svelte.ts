// The dry run of each reach, asked for together so that the counts stand beside the choices.
import { api, problemOf } from '../api/client'
import { painted } from '../ui/afterPaint'
import type { Reach } from './purgeScope'
import type { Evidence } from '../schema/types'

export class Evidences {
  found = $state.raw<Record<string, Evidence>>({})
  failed = $state.raw<Record<string, string>>({}) // why one could not be counted

  constructor(readonly reaches: readonly Reach[], readonly verb?: 'purge') {
    painted(this.count) // the sheet first: to ask takes as long as to show it
  }

  /** Ask for what is not counted yet. */
  count = (): void => this.reaches.filter(({ name }) => !this.found[name]).forEach((reach) => void this.#ask(reach))

  /** Has it an answer, either way? */
  answered = ({ name }: Reach): boolean => name in this.found || name in this.failed

  async #ask({ name, select }: Reach): Promise<void> {
    try {
      const evidence = await api.preview(select, this.verb)
      this.found = { ...this.found, [name]: evidence }
    } catch (thrown) {
      this.failed = { ...this.failed, [name]: problemOf(thrown).message }
    }
  }
}
