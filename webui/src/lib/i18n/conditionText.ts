// The conditions of rules on content in words, and what somebody may write for each.
import { t } from './i18n'
import type { ConditionName, Rule } from '../schema/types'
import { plain } from './format'

export const CONDITIONS: Record<ConditionName, string> = {
  wording: t('wording'),
  signal: t('signal'),
  author: t('author'),
  reply_to: t('Reply-To'),
  link_domain: t('domain of a link'),
  attachment_name: t('name of an attachment'),
  attachment_kind: t('kind of an attachment'),
  attachment_hash: t('SHA-256 of an attachment'),
  list: t('mailing list'),
  language: t('language'),
  direction: t('direction'),
}

export const EXAMPLES: Record<ConditionName, string> = {
  wording: 'bank-details, gift-cards',
  signal: 'reply-elsewhere',
  author: '*@bounce.*, supplier.example',
  reply_to: '*@*.top',
  link_domain: 'evil.example',
  attachment_name: '*.js',
  attachment_kind: 'macros, application/zip',
  attachment_hash: '9f86d081…',
  list: 'news.lists.example',
  language: 'en, de',
  direction: 'incoming',
}

/** The conditions of a rule on one line. */
export const conditionWords = (rule: Pick<Rule, 'conditions'>): string =>
  Object.entries(rule.conditions ?? {}).map(([name, values]) => `${CONDITIONS[name as ConditionName]}: ${(values ?? []).map(plain).join(', ')}`).join('; ')
