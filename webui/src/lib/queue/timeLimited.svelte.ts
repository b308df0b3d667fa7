// Time-limited messages in all our folders: the soonest first, as the server orders it.
import { api } from '../api/client'
import type { Delivery } from '../schema/types'

class TimeLimited {
  items = $state.raw<readonly Delivery[]>([])
  /** What the lane shows. It grows when somebody asks for what is new, and moves no row before. */
  shown = $state.raw<ReadonlySet<string> | null>(null)

  load = async (): Promise<void> => {
    const page = await api.cards({ group: 'none', state: 'held', section: 'time-limited', limit: 20, ids: 1 }).catch(() => null)
    if (page) this.items = page.items.map((one) => one.lead)
    if (page && !this.shown) this.open()
  }

  /** Show all of it. */
  open = (): void => {
    this.shown = new Set(this.items.map((one) => one.id))
  }

  /** Those of them that are still of use. */
  left = (now: number): readonly Delivery[] => this.items.filter((one) => one.time_limited_until && new Date(one.time_limited_until).getTime() > now)

  /** What came in since and is not shown yet. */
  fresh = (now: number): readonly Delivery[] => this.left(now).filter((one) => !this.shown?.has(one.id))
}

export const timeLimited = new TimeLimited()
