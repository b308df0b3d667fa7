// What cannot wait: time-limited messages, and rows of Act now. A notification says how many are new, and nothing else: others may read it on a lock screen.
import { plural, t } from '../i18n/i18n'
import { api } from '../api/client'
import { keep, kept } from '../browser/localStorage'
import type { TriageItem } from '../schema/types'

const GAP = 60_000 // milliseconds between two notifications of this browser
const SECTIONS = ['time-limited', 'act-now'] as const
type Urgent = Record<(typeof SECTIONS)[number], ReadonlySet<string>>

/** When the next notification may be shown, in milliseconds from now. */
export const untilNext = (now: number): number => Math.max(0, Number(kept('notified', '0')) + GAP - now)

/** A notification is shown now: no window of this browser shows another one for a minute. */
export const noteShown = (now: number): void => keep('notified', String(now))

/** Each code is new; of a campaign the first copy is, and the next ones are not. */
const codeOf = ({ lead }: TriageItem): string => lead.id
const campaignOf = ({ lead }: TriageItem): string => lead.campaign ?? lead.id

/** The rows of both sections, by what tells new ones from old ones; null where the server does not answer. */
export async function findUrgent(): Promise<Urgent | null> {
  const asked = SECTIONS.map((section) => api.triage({ group: 'campaign', state: 'held', section, limit: 50, ids: 1 }))
  const pages = await Promise.all(asked).catch(() => null)
  return pages && { 'time-limited': new Set(pages[0]!.items.map(codeOf)), 'act-now': new Set(pages[1]!.items.map(campaignOf)) }
}

/** What there is now and was not before, in words; empty: nothing. */
export function newWords(before: Urgent, now: Urgent): string {
  const count = (section: keyof Urgent) => [...now[section]].filter((one) => !before[section].has(one)).length
  const [codes, act] = [count('time-limited'), count('act-now')]
  const words = [codes ? plural('{n} time-limited row|{n} time-limited rows', codes) : '', act ? plural('{n} row to act on now|{n} rows to act on now', act) : '']
  const said = words.filter(Boolean).join(', ')
  return said && t('New: {rows}.', { rows: said })
}
