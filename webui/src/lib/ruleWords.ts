// A rule in words: what it is about, what it asks for, when it ends.
import type { Rule } from './shapes'
import { day, longTime, plain } from './words'

const ABOUT: Record<string, string> = { address: '', list: 'mailing list', recipient: 'mail to this address' }
const PROOFS: Record<string, string> = { dmarc: 'proved by DMARC', aligned: 'proved by aligned SPF or DKIM' }
const BY_DOMAIN: Record<string, string> = { dkim: 'signed by', arc: 'vouched for by the forwarder' }
const SOON = 3 * 86_400_000 // milliseconds

export function aboutWords(rule: Rule): string {
  const alone = rule.match === 'domain' && rule.effect === 'allow'
  const to = rule.match !== 'recipient' && rule.recipient ? `, mail to ${plain(rule.recipient)}` : ''
  return (ABOUT[rule.match] ?? (alone ? 'this domain alone' : 'domain and all below it')) + to
}

export function endWords(rule: Rule): string {
  if (!rule.until) return ''
  const soon = new Date(rule.until).getTime() - Date.now() < SOON
  return `until ${soon ? longTime(rule.until) : day(rule.until)}${rule.lapse_days ? `, ${rule.lapse_days} days after the last mail` : ''}`
}

export function proofWords(rule: Rule): string {
  if (rule.effect === 'redirect') return `goes to ${plain(rule.target)}`
  if (rule.effect === 'block') return rule.unproven_only ? 'unproven mail only' : ''
  const [kind = '', domain = ''] = rule.proof.split(':')
  return PROOFS[rule.proof] ?? `${BY_DOMAIN[kind] ?? kind} ${plain(domain)}`
}
