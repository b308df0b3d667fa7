// What is said of a decision that was not carried out.
import { t } from '../i18n/i18n'
import type { DecisionVerb } from '../schema/types'

export const NOT_DONE: Record<Exclude<DecisionVerb, 'undo'>, (subject: string) => string> = {
  release: (subject) => t('Your release of {subject} was not carried out.', { subject }),
  redirect: (subject) => t('Your redirect of {subject} was not carried out.', { subject }),
  purge: (subject) => t('Your purge of {subject} was not carried out.', { subject }),
  restore: (subject) => t('Your restore of {subject} was not carried out.', { subject }),
  reject: (subject) => t('Your rejection of {subject} was not carried out.', { subject }),
  hold: (subject) => t('Your taking back of {subject} was not carried out.', { subject }),
  redeliver: (subject) => t('Your redelivery of {subject} was not carried out.', { subject }),
  sweep: (subject) => t('Your sweep of {subject} was not carried out.', { subject }),
  take: (subject) => t('Your taking along of {subject} was not carried out.', { subject }),
  join: (subject) => t('Your joining of {subject} was not carried out.', { subject }),
  split: (subject) => t('Your splitting of {subject} was not carried out.', { subject }),
  escalate: (subject) => t('Your escalation of {subject} was not carried out.', { subject }),
}
