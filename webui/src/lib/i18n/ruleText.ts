// A rule in words: what it is about, what it asks for, when it ends.
import { plural, t } from './i18n'
import type { Rule } from '../schema/types'
import { serverTime } from '../browser/serverTime'
import { day, longTime, plain } from './format'

export const EFFECTS: Record<string, string> = { allow: t('allow'), block: t('block'), redirect: t('redirect'), hold: t('hold'), purge: t('remove'), mark: t('mark') }
/** Where a rule comes from that nobody here made by hand. */
export const ORIGINS: Record<string, string> = { import: t('from a file'), standing: t('from a removal'), learned: t('from outgoing messages') }
const ABOUT: Record<string, string> = { address: '', list: t('mailing list'), recipient: t('messages to this address'), content: '' }
const PROOFS: Record<string, string> = { dmarc: t('DMARC'), aligned: t('aligned SPF or DKIM') }
const BY_DOMAIN: Record<string, (domain: string) => string> = { dkim: (domain) => t('signed by {domain} (DKIM)', { domain }), arc: (domain) => t('forwarded by {domain} (ARC)', { domain }) }
const SOON = 3 * 86_400_000 // milliseconds

export function aboutWords(rule: Rule): string {
  const alone = rule.match === 'domain' && rule.effect === 'allow'
  const to = rule.match !== 'recipient' && rule.recipient ? `, ${t('messages to {recipient}', { recipient: plain(rule.recipient) })}` : ''
  return (ABOUT[rule.match] ?? (alone ? t('this domain only') : t('domain and subdomains'))) + to
}

export function endWords(rule: Rule): string {
  if (!rule.until) return ''
  const soon = new Date(rule.until).getTime() - serverTime() < SOON
  const end = soon ? longTime(rule.until) : day(rule.until)
  return rule.lapse_days ? plural('until {end}, {n} day after the last message|until {end}, {n} days after the last message', rule.lapse_days, { end }) : t('until {end}', { end })
}

export function proofWords(rule: Rule): string {
  if (rule.effect === 'redirect') return t('goes to {to}', { to: plain(rule.target) })
  if (rule.match === 'content') return ''
  if (rule.effect === 'hold') return t('all messages are held')
  if (rule.effect === 'block' && rule.proof === 'claimed') return t('messages with an unclear author only')
  if (rule.effect === 'block') return rule.unproven_only ? t('messages without proof only') : ''
  const [kind = '', domain = ''] = rule.proof.split(':')
  return PROOFS[rule.proof] ?? BY_DOMAIN[kind]?.(plain(domain)) ?? plain(rule.proof)
}
