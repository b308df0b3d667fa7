// Formats messages, addresses and times as text. Nothing here knows the screen.
import { locale, plural, t } from './i18n'
import { serverTime } from '../browser/serverTime'
import type { BlockKind, Delivery, Severity, State, DecisionVerb } from '../schema/types'

// Controls, direction marks, and what takes no room: as triage/text/sanitize.py has them.
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{1d173}-\u{1d17a}\u{e0000}-\u{e007f}]/gu

/** Text from mail with every invisible or direction-changing character made visible. */
export function plain(text: string | null | undefined): string {
  return (text ?? '').replace(INVISIBLE, (character) => `⟨U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟩`)
}

/** Words as a sentence: a capital first, unless that is an address or a domain, and a full stop last. */
export function asSentence(words: string): string {
  const named = /^\S*[@.]\S/.test(words)
  return (named ? words : words.slice(0, 1).toUpperCase() + words.slice(1)) + (!words || /[.!?]$/.test(words) ? '' : '.')
}

/** The subject; never empty. */
/** Name of a next hop: its address, or a number where only administrators may see that. */
export function serverOf(nextHop: string): string {
  const number = /^server-(\d+)$/.exec(nextHop)?.[1]
  if (number) return t('mail server {n}', { n: number })
  return nextHop === 'former-server' ? t('a former mail server') : plain(nextHop)
}

export const subjectOf = (mail: { subject: string }): string => plain(mail.subject).trim() || t('(no subject)')

const LONGEST = 90 // letters of a subject within a sentence or a button

/** The subject as a name for the message in a sentence: a long one is cut. */
export function calledOf(mail: { subject: string }): string {
  const letters = [...subjectOf(mail)]
  return letters.length > LONGEST ? `${letters.slice(0, LONGEST - 1).join('').trimEnd()}…` : letters.join('')
}

/** Who it says it is from; never empty. */
export const senderOf = (mail: { author_name: string; author: string }): string => plain(mail.author_name).trim() || plain(mail.author) || t('(no sender)')

/** The address to show beside the name; of a message with an unclear author, as a claim. */
export const addressBeside = (mail: { author_name: string; author: string; claimed: boolean }): string =>
  mail.claimed && mail.author ? t('claims {address}', { address: plain(mail.author) }) : senderOf(mail) === mail.author ? '' : plain(mail.author)

/** Whose mail it is: the person, or the department's own folder. */
export function folderOf(mail: Pick<Delivery, 'person_name' | 'department_name' | 'recipient'>): string {
  return mail.person_name || (mail.department_name ? t('{department} (shared)', { department: mail.department_name }) : mail.recipient)
}

/** Title and explanation of a mail bomb's row; undefined for any other row. */
export function floodWords(mail: Delivery): { title: string; says: string } | undefined {
  switch (mail.flood) {
    case 'crowd':
      return { title: t('Mail bomb'), says: t('more messages than anyone can review within an hour. Call {name}', { name: folderOf(mail) }) }
    case 'sender':
      return { title: t('Too many messages from {sender}', { sender: senderOf(mail) }), says: t('more than anyone can review within an hour') }
    case 'alerts':
      return { title: t('Verified messages during a mail bomb'), says: t('the mail bomb may be there to hide one of them. Call {name}', { name: folderOf(mail) }) }
    case '':
      return undefined
  }
}

/** How many people, and in how many departments when those are several. */
export function peopleOf({ people, departments }: { people: number; departments: number }): string {
  const who = plural('{n} person|{n} people', people)
  return departments > 1 ? plural('{people} in {n} department|{people} in {n} departments', departments, { people: who }) : who
}

/** An address in the part before the domain, a subdomain, and the domain that counts. */
export function addressParts(address: string, domain: string): [string, string, string] {
  const sign = address.lastIndexOf('@')
  if (sign < 0) return [address, '', '']
  const local = address.slice(0, sign + 1)
  const host = address.slice(sign + 1)
  if (domain && host.toLowerCase().endsWith(`.${domain.toLowerCase()}`)) {
    return [local, host.slice(0, host.length - domain.length), host.slice(host.length - domain.length)]
  }
  return [local, '', host]
}

const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' })
const weekday = new Intl.DateTimeFormat(locale, { weekday: 'short', hour: '2-digit', minute: '2-digit' })
const dayMonth = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' })
const dayYear = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: 'numeric' })
const FULL = { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', timeZoneName: 'short' } as const
const full = new Intl.DateTimeFormat(locale, FULL)
const DAY = 86_400_000

/** 09:41 for today, Tue 09:41 within six days, 24 Nov before, 24 Nov 2025 in another year. */
export function shortTime(instant: string, now = serverTime()): string {
  const then = new Date(instant)
  const today = new Date(now).setHours(0, 0, 0, 0)
  if (then.getTime() >= today) return clock.format(then)
  return then.getTime() > today - 6 * DAY ? weekday.format(then) : day(instant, now)
}

const ages = new Intl.RelativeTimeFormat(locale)
const AGES = [['day', DAY], ['hour', 3_600_000], ['minute', 60_000], ['second', 1_000]] as const

/** "12 minutes ago", in whole units; "1 second ago" at least. */
export function ago(instant: string, now = serverTime()): string {
  const age = Math.max(now - Date.parse(instant), 1_000)
  const [unit, length] = AGES.find(([, length]) => age >= length)!
  return ages.format(-Math.floor(age / length), unit)
}

/** 24 Nov 2026, 09:41 CET: as clocks here show it, or in another time zone; the zone is always said. */
export const longTime = (instant: string, timeZone?: string): string => (timeZone ? new Intl.DateTimeFormat(locale, { ...FULL, timeZone }) : full).format(new Date(instant))

/** A time to come: "14:00" of today, with its day otherwise. */
export const timeAhead = (instant: string): string => (new Date(instant).toDateString() === new Date(serverTime()).toDateString() ? shortTime(instant) : longTime(instant))

/** The day that a clock in a time zone shows at an instant, as date fields have it. */
export const dayIn = (instant: number, timeZone: string): string => new Date(instant + aheadOf(instant, timeZone)).toISOString().slice(0, 10)

/** The first moment of a day in a time zone, some days later. */
export function midnight(date: string, timeZone: string, later = 0): string {
  const named = Date.parse(`${date}T00:00:00Z`) + later * DAY
  const first = named - aheadOf(named, timeZone)
  return new Date(named - aheadOf(first, timeZone)).toISOString() // the clocks may change that night
}

/** Milliseconds by which clocks there are ahead of UTC. */
function aheadOf(instant: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en', { timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' }).formatToParts(instant)
  const [year, month, date, hour, minute, second] = ['year', 'month', 'day', 'hour', 'minute', 'second'].map((name) => Number(parts.find((one) => one.type === name)!.value)) as [number, number, number, number, number, number]
  return Date.UTC(year, month - 1, date, hour, minute, second) - Math.floor(instant / 1_000) * 1_000
}

/** 29 Dec this year, 29 Dec 2027 in any other. */
export function day(instant: string, now = serverTime()): string {
  const then = new Date(instant)
  return (then.getFullYear() === new Date(now).getFullYear() ? dayMonth : dayYear).format(then)
}

/** An instant's day as a date field has it, and the last second of a day there as an instant. */
export const dateField = (instant: string): string => new Date(new Date(instant).getTime() - new Date(instant).getTimezoneOffset() * 60_000).toISOString().slice(0, 10)
export const endOfDay = (date: string): string => new Date(`${date}T23:59:59`).toISOString()

/** Minutes from now on, a begun one as a whole one. */
const minutesTo = (until: string, now: number): number => Math.ceil((new Date(until).getTime() - now) / 60_000)

/** "expires in 4 min", "expired 2 min ago", or nothing. */
export function validity(until: string | null, now: number): string {
  if (!until) return ''
  const minutes = minutesTo(until, now)
  if (minutes <= -1_440) return t('expired on {day}', { day: day(until) })
  if (minutes <= 0) return minutes ? t('expired {time} ago', { time: spell(-minutes) }) : t('expired')
  return minutes < 1_440 ? t('valid for {time}', { time: spell(minutes) }) : t('valid until {day}', { day: day(until) })
}

/** 4 min, 5 h. */
const spell = (minutes: number): string => (minutes < 60 ? t('{n} min', { n: minutes }) : t('{n} h', { n: Math.floor(minutes / 60) }))

/** How long a message is valid: "expires in 4 min", "usually valid for an hour" where it does not say so itself, "expired 2 min ago". */
export function lifetime(mail: { time_limited_until: string | null; lifetime_assumed: boolean; received_at: string }, now: number): string {
  if (!mail.time_limited_until || !mail.lifetime_assumed || hasExpired(mail.time_limited_until, now)) return validity(mail.time_limited_until, now)
  const minutes = minutesTo(mail.time_limited_until, new Date(mail.received_at).getTime())
  return minutes % 60 ? plural('usually valid for {n} minute|usually valid for {n} minutes', minutes) : plural('usually valid for an hour|usually valid for {n} hours', minutes / 60)
}

/** Whether its time is over. */
export const hasExpired = (until: string | null, now: number): boolean => Boolean(until) && minutesTo(until!, now) <= 0

/** "in 4 min", where it is said already that something expires. */
export function timeLeft(until: string | null, now: number): string {
  const minutes = until ? minutesTo(until, now) : 0
  if (minutes <= 0) return t('expired')
  return minutes < 1_440 ? t('in {time}', { time: spell(minutes) }) : day(until!)
}

/** "27 delivered, 5 opened", without the second where no mailbox tells. */
export function delivering({ delivered, opened }: { delivered: number; opened: number | null }): string {
  const said = delivered ? plural('{n} delivered|{n} delivered', delivered) : ''
  return said && opened ? t('{delivered}, {n} opened', { delivered: said, n: opened }) : said
}

/** "put away in 5 h unless decided", for mail whose time in the queue is over within a day; or nothing. */
export function ending(at: string | null, now: number): string {
  if (!at) return ''
  const minutes = Math.ceil((new Date(at).getTime() - now) / 60_000)
  if (minutes > 1_440) return ''
  if (minutes <= 0) return t('retention ends now')
  return t('retention ends in {time}', { time: spell(minutes) })
}

export function bytes(size: number): string {
  const [value, unit] = size < 1_000 ? [size, 'B'] : size < 1_000_000 ? [Math.round(size / 1_000), 'kB'] : [size / 1_000_000, 'MB']
  return `${value.toLocaleString(locale, { minimumFractionDigits: unit === 'MB' ? 1 : 0, maximumFractionDigits: 1 })} ${unit}`
}

/** How many of each are blocked: "the campaign, 5 domains, 17 addresses"; "" for none. */
export const blockKinds = ({ campaign = 0, domain = 0, address = 0 }: Partial<Record<BlockKind, number>>): string =>
  [campaign && plural('the campaign|{n} campaigns', campaign), domain && plural('{n} domain|{n} domains', domain), address && plural('{n} address|{n} addresses', address)].filter(Boolean).join(', ')

export const SEVERITIES: readonly Severity[] = ['none', 'unclear', 'suspicious', 'dangerous']

/** How bad mail looks, in words. */
export const SEVERITY_WORDS: Record<Severity, string> = { none: t('No warnings'), unclear: t('Unclear'), suspicious: t('Suspicious'), dangerous: t('Dangerous') }

/** The worst of several. */
export const worst = (some: readonly Severity[]): Severity => SEVERITIES[Math.max(0, ...some.map((one) => SEVERITIES.indexOf(one)))]!

/** Is it suspicious or worse? */
export const isBad = (severity: Severity): boolean => severity === 'suspicious' || severity === 'dangerous'

/** The tone of the score box. */
export const toneOf = (severity: Severity): 'high' | 'middle' | 'low' => (severity === 'dangerous' ? 'high' : severity === 'suspicious' ? 'middle' : 'low')

/** The kind of button that releases it: in the colour of the risk. */
export const buttonOf = (severity: Severity): 'block' | 'hold' | 'release' => ({ high: 'block', middle: 'hold', low: 'release' } as const)[toneOf(severity)]

export const initials = (name: string): string =>
  (name.match(/\p{L}+/gu) ?? []).map((word) => word[0]!.toUpperCase()).filter((_, index, all) => index === 0 || index === all.length - 1).join('') || '?'

export const PAST: Record<DecisionVerb, string> = {
  release: t('Released'), redirect: t('Redirected'), purge: t('Removed'), restore: t('Restored'), reject: t('Rejected'), hold: t('Held again'), redeliver: t('Delivered again'), deliver: t('Delivered undecided'), sweep: t('Mailboxes searched'), take: t('Related removed'), hunt: t('Mailboxes searched'), join: t('Merged'), split: t('Split off'), escalate: t('Escalated'), undo: t('Undone'),
}

export const STATES: Record<State, string> = {
  held: t('held'), queued: t('released'), relaying: t('being delivered'), delivered: t('delivered'), bounced: t('not delivered'),
  recalling: t('being removed'), restoring: t('being restored'), purged: t('removed'), rejected: t('rejected'), expired: t('expired'),
}
export const STATES_ALL = Object.keys(STATES) as readonly State[]

/** What became of a copy, in words. */
export const stateWords = (mail: Delivery): string => (mail.state === 'queued' && mail.attempts > 0 ? t('retrying') : STATES[mail.state])

/** "company", "department:it" and "person:uid" in words; "": each recipient. */
export function scopeWords(scope: string, names: (scope: string) => string | undefined): string {
  return scope === 'company' ? t('the whole company') : !scope ? t('the recipients') : (names(scope) ?? scope.slice(scope.indexOf(':') + 1))
}

/** An actor as the audit log writes it ("person:ana", "shell:root", "token:…"), for a table: the login, or "command line (root)". */
export function actorName(actor: string): string {
  if (actor.startsWith('shell:')) return t('command line ({name})', { name: plain(actor.slice(6)) })
  return plain(actor.startsWith('person:') ? actor.slice(7) : actor)
}

/** Who reported something of a row: "reported by Joe Fern", "reported by Joe Fern and 2 others". */
export function reporting(reported: readonly { by_name: string }[]): string {
  const names = [...new Set(reported.map((one) => plain(one.by_name)))]
  if (!names.length) return ''
  return names.length === 1 ? t('reported by {name}', { name: names[0]! }) : plural('reported by {name} and {n} other|reported by {name} and {n} others', names.length - 1, { name: names[0]! })
}

/** Who asks for something on a row: "Joe Fern asks", "Joe Fern and 2 others ask". */
export function asking(asked: readonly { by_name: string }[]): string {
  const names = [...new Set(asked.map((one) => plain(one.by_name)))]
  if (!names.length) return ''
  return names.length === 1 ? t('requested by {name}', { name: names[0]! }) : plural('requested by {name} and {n} other|requested by {name} and {n} others', names.length - 1, { name: names[0]! })
}
