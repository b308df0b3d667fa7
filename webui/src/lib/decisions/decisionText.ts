// A decision in words: its stamp, and what is still under way or could not be done.
import { t } from '../i18n/i18n'
import type { Decision, DecisionVerb } from '../schema/types'
import { PAST } from '../i18n/format'

const TONE: Record<DecisionVerb, string> = { release: 'release', redirect: 'release', purge: 'block', reject: 'block', restore: 'mark', hold: 'mark', redeliver: 'release', deliver: 'release', sweep: 'block', take: 'block', hunt: 'mark', join: 'mark', split: 'mark', escalate: 'mark', undo: 'mark' }

export const toneOfDecision = (one: Decision): string => (one.undoes || one.select.dry_run ? 'mark' : TONE[one.verb])
export const wordOfDecision = (one: Decision): string => (one.undoes ? t('Undone') : one.select.dry_run ? t('Counted') : PAST[one.verb])

/** What became of an item, by the word that the API has for it. */
export const OUTCOMES: Record<string, string> = {
  done: t('done'), recalling: t('being removed'), restoring: t('being restored'), 'still there': t('still in the mailbox'), 'already gone': t('not there any more'), 'in flight': t('being delivered'), 'out of reach': t('cannot be removed'), refused: t('not possible'), answered: t('known message, answered'),
}

export interface Progress { all: number; open: number; says: string }

/** How far a decision is: `open` of `all` are not there yet. */
export function progressOf(one: Decision): Progress {
  const parts = [
    one.left && t('{n} pending', { n: one.left }),
    one.in_flight && t('{n} being delivered', { n: one.in_flight }),
    one.recalling && t('{n} being removed from mailboxes', { n: one.recalling }),
    one.restoring && t('{n} being restored to mailboxes', { n: one.restoring }),
    one.already_gone && t('{n} not there any more', { n: one.already_gone }),
    one.out_of_reach && t('{n} cannot be removed', { n: one.out_of_reach }),
    one.refused && t('{n} no longer possible', { n: one.refused }),
    one.outside && t('{n} outside your scope', { n: one.outside }),
  ]
  return {
    all: one.mailboxes || one.count,
    open: one.left + one.recalling + one.restoring + one.in_flight + one.mailboxes_left,
    says: parts.filter(Boolean).join(', '),
  }
}
