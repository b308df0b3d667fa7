// Number of requests and reports of employees in our scope that have no answer yet.
import { api } from '../api/client'
import type { ItemRequest } from '../schema/types'

class Requests {
  open = $state(0)
  /** To which we said no on this page: rows that were loaded before know it, too. */
  declined = $state.raw<ReadonlySet<string>>(new Set())

  /** Count them. */
  load = async (): Promise<void> => {
    const counted = await api.requests({ limit: 1 }).catch(() => null)
    if (counted) this.open = counted.open + counted.reported + counted.outside
  }

  /** Say no. */
  async decline(id: string, reason: string): Promise<void> {
    await api.declineRequest(id, reason)
    this.declined = new Set([...this.declined, id])
    void this.load()
  }

  notDeclined = (asked: readonly ItemRequest[]): readonly ItemRequest[] => asked.filter((one) => !this.declined.has(one.id))
}

export const requests = new Requests()
