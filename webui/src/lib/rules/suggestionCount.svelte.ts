// How many proposed rules wait for an answer, and whether it is ours to give: for the rail. The proposals are in `suggestedRules.svelte.ts`.
import { api } from '../api/client'
import { session } from '../state/session.svelte'

class Proposals {
  open = $state(0)

  /** May we answer at all? The rules are the whole company's. */
  get mine(): boolean {
    return session.wholeCompany && session.may('release')
  }

  async count(): Promise<void> {
    if (!this.mine) return
    try {
      this.open = (await api.proposals({ limit: 1 })).total_estimate
    } catch {
      // the rail says what it knew
    }
  }
}

export const proposals = new Proposals()
