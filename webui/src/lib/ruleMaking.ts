// A rule that is made by itself: an allow may let in what is held, and needs a second look like its release.
import { t } from './language'
import { api } from './api'
import { secondLooks } from './secondLook.svelte'
import type { PendingAct, Rule, RuleWish } from './shapes'
import { plain } from './words'

/** The rule, or what waits for a second key; null where it needed a second look and nobody confirmed it. */
export const addRule = (rule: RuleWish): Promise<Rule | PendingAct | null> =>
  secondLooks.confirmed((said) => api.addRule({ ...rule, ...said }), { title: t('Allow {sender}?', { sender: plain(rule.value) }), act: t('Allow'), kept: t('No rule was made.') })
