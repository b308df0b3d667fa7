// Time-limited messages in all our folders: the soonest first, as the server orders it.
import { api } from '../api/client'
import type { Delivery } from '../schema/types'

class TimeLimited {
  items = $state.raw<readonly Delivery[]>([])
  /** Rows that the lane shows. It grows when the user asks for new ones, and moves no row before. */
  shown = $state.raw<ReadonlySet<string> | null>(null)

  load = async (): Promise<void> => {
    const page = await api.triage({ group: 'none', state: 'held', section: 'time-limited', limit: 20, ids: 1 }).catch(() => null)
    if (page) this.items = page.items.map((one) => one.lead)
    if (page && !this.shown) this.open()
  }

  /** Shows all messages. */
  open = (): void => {
    this.shown = new Set(this.items.map((one) => one.id))
  }

  /** Messages that have not expired. */
  left = (now: number): readonly Delivery[] => this.items.filter((one) => one.time_limited_until && new Date(one.time_limited_until).getTime() > now)

  /** New messages that are not shown yet. */
  fresh = (now: number): readonly Delivery[] => this.left(now).filter((one) => !this.shown?.has(one.id))
}

export const timeLimited = new TimeLimited()
