// The mark on a row: what became of a delivery since the list was loaded.
import { serverInstant } from '../browser/serverTime'
import type { DecisionVerb, Delivery } from '../schema/types'

/** What became of one delivery since the list was loaded. `sure` when the server said so. */
export interface Mark { verb: DecisionVerb | 'leave'; blocked: boolean; by: string; at: string; decision: string; sure: boolean }

/** The mark for what the server says became of a delivery. */
export function markOfDelivery(mail: Delivery): Mark {
  const decided = mail.decided
  const verb = decided?.verb ?? (mail.state === 'purged' ? 'purge' : 'release')
  return { verb, blocked: false, by: decided?.by_name ?? '', at: decided?.at ?? mail.received_at, decision: decided?.decision ?? '', sure: true }
}

/** The mark for what is held as before, but assigned to us no more. */
export const takenBack = (mail: Delivery): Mark => ({ verb: 'hold', blocked: false, by: mail.assigned?.by_name ?? '', at: serverInstant(), decision: '', sure: true })
