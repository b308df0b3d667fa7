// What is soon of no use any more and may well be wanted, in all our folders: the soonest first, as the server orders it.
import { api } from './api'
import type { Delivery } from './shapes'

const LIKELY = 50 // urgency from which the server puts what perishes before everything else

class Perishables {
  items = $state.raw<readonly Delivery[]>([])

  load = async (): Promise<void> => {
    const page = await api.cards({ group: 'none', state: 'held', limit: 20, ids: 1 }).catch(() => null)
    const first = page?.items.findIndex((one) => !one.perishable_until || one.urgency < LIKELY) ?? -1
    if (page) this.items = page.items.slice(0, first < 0 ? undefined : first).map((one) => one.lead)
  }

  /** Those of them that are still of use. */
  left = (now: number): readonly Delivery[] => this.items.filter((one) => one.perishable_until && new Date(one.perishable_until).getTime() > now)
}

export const perishables = new Perishables()
