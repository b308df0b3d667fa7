// A decision in words: its stamp, and what is still under way or could not be done.
import type { Decision, Verb } from './shapes'
import { PAST } from './words'

const TONE: Record<Verb, string> = { release: 'release', redirect: 'release', purge: 'block', reject: 'block', restore: 'mark', hold: 'mark', redeliver: 'release', sweep: 'block', take: 'block', join: 'mark', split: 'mark' }

export const toneOfDecision = (one: Decision): string => (one.undoes || one.select.dry_run ? 'mark' : TONE[one.verb])
export const wordOfDecision = (one: Decision): string => (one.undoes ? 'Undone' : one.select.dry_run ? 'Counted' : PAST[one.verb])

export interface Progress { all: number; open: number; says: string }

/** How far a decision is: `open` of `all` are not there yet. */
export function progressOf(one: Decision): Progress {
  const parts = [
    [one.left, 'still to come'], [one.in_flight, 'leaving already'], [one.recalling, 'being taken out of mailboxes'], [one.restoring, 'being put back into mailboxes'],
    [one.already_gone, 'deleted already by their owners'], [one.out_of_reach, 'out of reach'], [one.refused, 'not possible any more'], [one.outside, 'beyond your scope'],
  ] as const
  return {
    all: one.mailboxes || one.count,
    open: one.left + one.recalling + one.restoring + one.in_flight + one.mailboxes_left,
    says: parts.filter(([count]) => count).map(([count, says]) => `${count.toLocaleString('en')} ${says}`).join(', '),
  }
}
