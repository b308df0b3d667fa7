// Makes or changes a single rule. An allow rule may concern held messages, so it needs a second look as their release does.
import { t } from '../i18n/i18n'
import { api } from '../api/client'
import { secondLooks } from './secondLook.svelte'
import type { MadeRule, PendingApproval, Rule, RuleChange, TriedRule } from '../schema/types'
import { plain } from '../i18n/format'

/** The rule, or the request for approval; null where it needed a second look and nobody confirmed it. */
export const addRule = (rule: TriedRule): Promise<MadeRule | PendingApproval | null> =>
  secondLooks.confirmed((said) => api.addRule({ ...rule, ...said }), rule.match === 'content' ? { title: t('Add the rule {name}?', { name: plain(rule.value) }), act: t('Add rule'), kept: t('No rule was added.') } : { title: t('Allow {sender}?', { sender: plain(rule.value) }), act: t('Allow'), kept: t('No rule was added.') })

/** The rule as it was changed; null where it allows more now, needed a second look, and nobody confirmed it. */
export const changeRule = (rule: Rule, change: RuleChange, etag: string): Promise<Rule | null> =>
  secondLooks.confirmed((said) => api.changeRule(rule.id, { ...change, ...said }, etag), { title: t('Change the rule for {sender}?', { sender: plain(rule.value) }), act: t('Change'), kept: t('The rule was not changed.') })

/** The rule on content as it was paused or resumed; null where resuming it needed a second look and nobody confirmed it. */
export const pauseRule = (rule: Rule, paused: boolean): Promise<Rule | null> =>
  secondLooks.confirmed((said) => api.changeRule(rule.id, { paused, ...said }, ''), { title: t('Resume the rule {name}', { name: plain(rule.value) }), act: t('Resume'), kept: t('The rule was not changed.') })
