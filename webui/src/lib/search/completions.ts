// Suggestions of the search field: search fields first, then their values.
import { t } from '../i18n/i18n'
import { colleagues } from '../queue/presence.svelte'
import { folders } from '../state/folders.svelte'
import { queue } from '../queue/queue.svelte'
import { letter } from '../state/messageCache.svelte'
import { session } from '../state/session.svelte'
import { serverTime } from '../browser/serverTime'
import { dateField, SEVERITIES, SEVERITY_WORDS, STATES, subjectOf, STATES_ALL } from '../i18n/format'

export interface Offer { text: string; says: string }
export interface Offers { start: number; end: number; items: readonly Offer[] }

/** What can be asked for, as the server knows it. */
export const ASKS: readonly Offer[] = [
  { text: 'from:', says: t('sender: address, domain or name') },
  { text: 'to:', says: t('recipient: person, address or department') },
  { text: 'dept:', says: t('department') },
  { text: 'subject:', says: t('words in the subject') },
  { text: 'has:', says: t('attachment or link') },
  { text: 'link:', says: t('target of a link') },
  { text: 'state:', says: t('status') },
  { text: 'by:', says: t('decided by') },
  { text: 'proof:', says: t('proof of the sender') },
  { text: 'severity:', says: t('severity') },
  { text: 'risk:', says: t('this severity or worse') },
  { text: 'claimed:', says: t('claimed author, where the author is unclear') },
  { text: 'signal:', says: t('name of a signal') },
  { text: 'rule:', says: t('name of the rule that decided') },
  { text: 'campaign:', says: t('campaign id') },
  { text: 'queue-id:', says: t('id in the 250 reply and the logs') },
  { text: 'message-id:', says: t('Message-ID field') },
  { text: 'verified:', says: t('verified sender: domain') },
  { text: 'reply-to:', says: t('address for answers') },
  { text: 'file:', says: t('name of an attachment') },
  { text: 'hash:', says: t('SHA-256 of an attachment') },
  { text: 'ip:', says: t('address of the sending server') },
  { text: 'after:', says: t('received on this day or later') },
  { text: 'before:', says: t('received before this day') },
]

const MOST = 8

/** The word at the caret, from where to where; quotes hold words together. */
function wordAt(text: string, caret: number): [number, number] {
  let quoted = false
  let start = 0
  for (let at = 0; at < caret; at++) {
    if (text[at] === '"') quoted = !quoted
    else if (!quoted && /\s/.test(text[at]!)) start = at + 1
  }
  const rest = text.slice(caret).search(quoted ? /"/ : /\s/)
  return [start, rest < 0 ? text.length : caret + rest]
}

const said = (value: string): string => (/\s/.test(value) ? `"${value}"` : value)

/** What fits the word at the caret. `values`: what there is for a name, with words about it. */
export function offersFor(text: string, caret: number, values: (name: string) => readonly Offer[]): Offers {
  const [start, end] = wordAt(text, caret)
  const word = text.slice(start, caret)
  const sign = word.startsWith('-') ? '-' : ''
  const bare = word.slice(sign.length).toLowerCase()
  const ask = ASKS.find((one) => bare.startsWith(one.text))
  if (!ask) return { start, end, items: ASKS.filter((one) => one.text.startsWith(bare)).map((one) => ({ ...one, text: sign + one.text })) }
  const typed = bare.slice(ask.text.length).replace('"', '')
  const fitting = values(ask.text.slice(0, -1)).filter((one) => `${one.text} ${one.says}`.toLowerCase().includes(typed) && one.text.toLowerCase() !== typed)
  return { start, end, items: fitting.slice(0, MOST).map((one) => ({ ...one, text: `${sign}${ask.text}${said(one.text)} ` })) }
}

/** What there is for a name. */
export function values(name: string): readonly Offer[] {
  if (name === 'from') return [...new Set(queue.rows.map((row) => row.lead.author).filter(Boolean))].map((one) => ({ text: one, says: '' }))
  if (name === 'claimed') return [...new Set(queue.rows.filter((row) => row.lead.claimed).map((row) => row.lead.author))].map((one) => ({ text: one, says: '' }))
  if (name === 'dept') return folders.departments.map((one) => ({ text: one.code, says: one.name }))
  if (name === 'to') return folders.departments.flatMap((one) => [{ text: one.code, says: one.name }, ...one.people.map((person) => ({ text: person.uid, says: person.name }))])
  if (name === 'has') return [{ text: 'attachment', says: '' }, { text: 'link', says: '' }]
  if (name === 'state') return [...STATES_ALL.map((one) => ({ text: one, says: STATES[one] })), { text: 'released', says: t('delivered or being delivered') }, { text: 'decided', says: t('everything that is not held') }]
  if (name === 'by') return deciders()
  if (name === 'link') return hosts()
  if (name === 'campaign') return [...new Map(queue.rows.flatMap(({ lead }) => (lead.campaign ? [[lead.campaign, { text: lead.campaign, says: subjectOf(lead) }] as const] : []))).values()]
  if (name === 'severity' || name === 'risk') return SEVERITIES.map((one) => ({ text: one, says: SEVERITY_WORDS[one] }))
  if (name === 'proof') return [{ text: 'none', says: t('not proven') }, { text: 'any', says: t('any proof') }, { text: 'dmarc', says: '' }, { text: 'aligned', says: t('SPF or DKIM, without DMARC') }]
  if (name !== 'after' && name !== 'before') return []
  return [[0, t('today')], [1, t('yesterday')], [7, t('a week ago')], [30, t('30 days ago')]].map(([days, says]) => ({ text: dateField(new Date(serverTime() - Number(days) * 86_400_000).toISOString()), says: String(says) }))
}

/** We ourselves, who is here, and who decided about what is listed. */
function deciders(): readonly Offer[] {
  const here = [session.me, ...colleagues.others].flatMap((one) => (one ? [[one.login, one.name] as const] : []))
  const before = queue.rows.flatMap(({ lead: { decided } }) => (decided?.by.startsWith('person:') ? [[decided.by.slice('person:'.length), decided.by_name] as const] : []))
  return [...new Map([...before, ...here])].map(([text, says]) => ({ text, says }))
}

/** Where the links of the message under the cursor lead. */
function hosts(): readonly Offer[] {
  const read = queue.row && letter(queue.row.lead.message_id)
  const links = read && 'links' in read ? read.links : []
  return [...new Map(links.map(({ host, text }) => [host, { text: host, says: text }])).values()].filter((one) => one.text)
}
