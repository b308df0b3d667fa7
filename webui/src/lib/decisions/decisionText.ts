// A decision in words: its stamp, and what is still under way or could not be done.
import { t } from '../i18n/i18n'
import type { Decision, DecisionVerb } from '../schema/types'
import { PAST } from '../i18n/format'

const TONE: Record<DecisionVerb, string> = { release: 'release', redirect: 'release', purge: 'block', reject: 'block', restore: 'mark', hold: 'mark', redeliver: 'release', sweep: 'block', take: 'block', join: 'mark', split: 'mark', escalate: 'mark', undo: 'mark' }

export const toneOfDecision = (one: Decision): string => (one.undoes || one.select.dry_run ? 'mark' : TONE[one.verb])
export const wordOfDecision = (one: Decision): string => (one.undoes ? t('Undone') : one.select.dry_run ? t('Counted') : PAST[one.verb])

/** What became of an item, by the word that the API has for it. */
export const OUTCOMES: Record<string, string> = {
  done: t('done'), recalling: t('recalling'), restoring: t('restoring'), 'still there': t('still there'), 'already gone': t('already gone'), 'in flight': t('in flight'), 'out of reach': t('out of reach'), refused: t('refused'),
}

export interface Progress { all: number; open: number; says: string }

/** How far a decision is: `open` of `all` are not there yet. */
export function progressOf(one: Decision): Progress {
  const parts = [
    one.left && t('{n} still to come', { n: one.left }),
    one.in_flight && t('{n} leaving already', { n: one.in_flight }),
    one.recalling && t('{n} being taken out of mailboxes', { n: one.recalling }),
    one.restoring && t('{n} being put back into mailboxes', { n: one.restoring }),
    one.already_gone && t('{n} deleted already by their owners', { n: one.already_gone }),
    one.out_of_reach && t('{n} out of reach', { n: one.out_of_reach }),
    one.refused && t('{n} not possible any more', { n: one.refused }),
    one.outside && t('{n} beyond your scope', { n: one.outside }),
  ]
  return {
    all: one.mailboxes || one.count,
    open: one.left + one.recalling + one.restoring + one.in_flight + one.mailboxes_left,
    says: parts.filter(Boolean).join(', '),
  }
}
