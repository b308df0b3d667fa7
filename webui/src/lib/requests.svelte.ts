// What people here ask for, in our scope, and has no answer yet.
import { t } from './language'
import { api, problemOf } from './api'
import type { CardRequest, MailRequest } from './shapes'

class Requests {
  items = $state.raw<MailRequest[]>([])
  reported = $state(0)
  loaded = $state(false)
  failure = $state('')
  /** To which we said no on this page: rows that were loaded before know it, too. */
  declined = $state.raw<ReadonlySet<string>>(new Set())

  async load(): Promise<void> {
    try {
      ;({ items: this.items, reported: this.reported } = await api.requests())
      this.failure = ''
    } catch (thrown) {
      this.failure = problemOf(thrown).message
    }
    this.loaded = true
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

  open(asked: readonly CardRequest[]): readonly CardRequest[] {
    return asked.filter((one) => !this.declined.has(one.id))
  }
}

export const requests = new Requests()
