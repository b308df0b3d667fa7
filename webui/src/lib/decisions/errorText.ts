// Error text of a decision that was not carried out.
import { t } from '../i18n/i18n'
import type { DecisionVerb } from '../schema/types'

export const NOT_DONE: Record<Exclude<DecisionVerb, 'undo'>, (subject: string) => string> = {
  release: (subject) => t('{subject} was not released.', { subject }),
  redirect: (subject) => t('{subject} was not redirected.', { subject }),
  purge: (subject) => t('{subject} was not removed.', { subject }),
  restore: (subject) => t('{subject} was not restored.', { subject }),
  reject: (subject) => t('{subject} was not rejected.', { subject }),
  hold: (subject) => t('{subject} was not held again.', { subject }),
  deliver: (subject) => t('{subject} was not released.', { subject }),
  redeliver: (subject) => t('{subject} was not delivered again.', { subject }),
  sweep: (subject) => t('Mailboxes were not searched for {subject}.', { subject }),
  hunt: (subject) => t('Mailboxes were not searched for {subject}.', { subject }),
  take: (subject) => t('Messages related to {subject} were not removed.', { subject }),
  join: (subject) => t('{subject} was not merged.', { subject }),
  split: (subject) => t('{subject} was not split off.', { subject }),
  escalate: (subject) => t('{subject} was not escalated.', { subject }),
}
