// Number of approvals that we may give, and of requests to us as keepers of confidential folders.
import { api, problemOf } from '../api/client'
import type { ConfidentialRemoval, PendingApproval } from '../schema/types'

class Approvals {
  items = $state.raw<PendingApproval[]>([])
  asked = $state.raw<ConfidentialRemoval[]>([])
  failure = $state('')

  get count(): number {
    return this.items.length + this.asked.length
  }

  async load(): Promise<void> {
    try {
      const [keys, keepers] = await Promise.all([api.approvals(), api.keepersRequests()])
      this.items = keys.items
      this.asked = keepers.items
      this.failure = ''
    } catch (thrown) {
      this.failure = problemOf(thrown).message
    }
  }
}

export const approvals = new Approvals()
