// How much people here ask for or find odd, in our scope, that has no answer yet.
import { t } from './language'
import { api, problemOf } from './api'
import type { CardRequest } from './shapes'

class Requests {
  open = $state(0)
  /** To which we said no on this page: rows that were loaded before know it, too. */
  declined = $state.raw<ReadonlySet<string>>(new Set())

  /** Count them. */
  load = async (): Promise<void> => {
    const counted = await api.requests({ limit: 1 }).catch(() => null)
    if (counted) this.open = counted.open + counted.reported
  }

  /** Say no; the sentence to show. */
  async decline(id: string, reason: string): Promise<string> {
    try {
      await api.declineRequest(id, reason)
      this.declined = new Set([...this.declined, id])
      void this.load()
      return t('Said no. The mail stays where it is.')
    } catch (thrown) {
      return problemOf(thrown).message
    }
  }

  notDeclined = (asked: readonly CardRequest[]): readonly CardRequest[] => asked.filter((one) => !this.declined.has(one.id))
}

export const requests = new Requests()
