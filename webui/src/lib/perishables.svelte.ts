// What is soon of no use any more and may well be wanted, in all our folders: the soonest first, as the server orders it.
import { api } from './api'
import type { Delivery } from './shapes'

const LIKELY = 50 // urgency from which the server puts what perishes before everything else

class Perishables {
  items = $state.raw<readonly Delivery[]>([])
  /** What the lane shows. It grows when somebody asks for what is new, and moves no row before. */
  shown = $state.raw<ReadonlySet<string> | null>(null)

  load = async (): Promise<void> => {
    const page = await api.cards({ group: 'none', state: 'held', limit: 20, ids: 1 }).catch(() => null)
    const first = page?.items.findIndex((one) => !one.perishable_until || one.urgency < LIKELY) ?? -1
    if (page) this.items = page.items.slice(0, first < 0 ? undefined : first).map((one) => one.lead)
    if (page && !this.shown) this.open()
  }

  /** Show all of it. */
  open = (): void => {
    this.shown = new Set(this.items.map((one) => one.id))
  }

  /** Those of them that are still of use. */
  left = (now: number): readonly Delivery[] => this.items.filter((one) => one.perishable_until && new Date(one.perishable_until).getTime() > now)

  /** What came in since and is not shown yet. */
  fresh = (now: number): readonly Delivery[] => this.left(now).filter((one) => !this.shown?.has(one.id))
}

export const perishables = new Perishables()
