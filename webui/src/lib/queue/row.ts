// A row of the list: a row of the queue, one message of an opened row, or one delivery.
import type { TriageItem, ItemReport, ItemRequest, ItemSnooze, Delivery, LookName, Section, Select, Severity } from '../schema/types'
import { worst } from '../i18n/format'

export interface Row {
  readonly key: string
  readonly lead: Delivery
  readonly count: number
  readonly people: number
  readonly departments: number
  readonly apart: number
  readonly newest: string
  readonly weight: number
  readonly severity: Severity
  readonly looks: readonly LookName[]
  readonly urgency: number
  readonly section: Section
  /** Where it stands in the list: the section that it had when it was put there. */
  readonly stands: Section
  readonly timeLimitedUntil: string | null
  readonly assumed: boolean
  readonly delivered: number
  readonly opened: number | null
  readonly ends: string | null
  /** Comments of staff about all that is on it. */
  readonly deliverAt: string | null // when the first message is delivered unless somebody decides
  readonly targetAt: string | null // when the first possibly wanted message has waited as long as its department allows
  readonly comments: number
  readonly asked: readonly ItemRequest[]
  readonly reported: readonly ItemReport[]
  readonly snoozed: readonly ItemSnooze[]
  readonly ids: readonly string[]
  readonly select: Select
  readonly parent: string
}

/** Is this one for a duty: escalated, or to be? Then no button that removes it is filled. */
export const isForDuty = ({ escalated, escalation }: Delivery): boolean => Boolean(escalation || (escalated && !escalated.confirmed_at))

/** Only the features that select something. */
const given = (select: Select): Select => Object.fromEntries(Object.entries(select).filter(([, value]) => value && (!Array.isArray(value) || value.length)))

export const rowOfItem = (item: TriageItem): Row => ({
  key: item.key, lead: item.lead, count: item.count, people: item.people, departments: item.departments, apart: item.apart,
  newest: item.newest_at, weight: item.risk, severity: item.severity, looks: item.second_look ?? [], urgency: item.priority, section: item.section, stands: item.section,
  timeLimitedUntil: item.time_limited_until ?? item.lead.time_limited_until, assumed: item.time_limited_until ? item.lifetime_assumed : item.lead.lifetime_assumed, delivered: item.delivered, opened: item.opened, ends: item.expires_at, targetAt: item.target_at, deliverAt: item.deliver_at, comments: item.comments, asked: item.requests, reported: item.reports, snoozed: item.snoozed, ids: item.ids, select: given(item.select), parent: '',
})

export const rowOfDelivery = (mail: Delivery, parent = '', asked: readonly ItemRequest[] = [], reported: readonly ItemReport[] = []): Row => ({
  key: parent ? `${parent}/${mail.id}` : mail.id, lead: mail, count: 1, people: 1, departments: 1, apart: 0,
  newest: mail.received_at, weight: mail.risk, severity: mail.severity, looks: mail.second_look ?? [], urgency: mail.priority, section: 'rest', stands: 'rest',
  timeLimitedUntil: mail.time_limited_until, assumed: mail.lifetime_assumed, delivered: 0, opened: null, ends: mail.expires_at, targetAt: null, deliverAt: null, comments: mail.comments, asked: asked.filter((one) => one.delivery === mail.id), reported: reported.filter((one) => one.delivery === mail.id), snoozed: [], ids: [mail.id], select: { ids: [mail.id] }, parent,
})

/** A folder as the address bar says it: empty means all; person "-" is the department's shared folder. */
export interface Folder { department: string; person: string }

export const SHARED = '-'

/** What a list shows: of a folder, of what a search finds, of what was assigned to us. */
export interface Shown extends Folder { q: string; assigned: string }

/** A folder as the API wants it said: left out means all, an empty person is the shared folder. */
export const folderWords = ({ department, person }: Folder): { department?: string; person?: string } => ({
  ...(department && { department }),
  ...(person && { person: person === SHARED ? '' : person }),
})

const shownWords = ({ q, assigned, ...folder }: Shown): Select => ({ ...(q && { q }), ...(assigned && { assigned_to: assigned }), ...folderWords(folder) })

/** Does a row hold more messages than it names? */
const isLarge = (row: Row): boolean => row.ids.length < row.count

/** What the marks of a row stand under: its messages, or itself where it holds more than it names. */
export const namesOf = (row: Row): readonly string[] => (isLarge(row) ? [row.key] : row.ids)

/** Is this message on a row? */
export const holds = (row: Row, mail: Delivery): boolean =>
  row.ids.includes(mail.id) || (isLarge(row) && mail.received_at <= row.newest && (row.select.campaign ? mail.campaign === row.select.campaign : mail.author === row.select.sender))

/** All that a view shows, as one row to decide about. */
export function rowOfView(view: Shown, count: number, rows: readonly Row[]): Row {
  const lead = rows[0]!
  const people = new Set(rows.map((row) => `${row.lead.department}+${row.lead.person}`)).size
  const departments = new Set(rows.map((row) => row.lead.department)).size
  return {
    ...lead, key: '*', parent: '', snoozed: [], count, people, departments, apart: 0, ids: [], weight: Math.max(...rows.map((row) => row.weight)), severity: worst(rows.map((row) => row.severity)), looks: [...new Set(rows.flatMap((row) => row.looks))],
    select: shownWords(view),
  }
}

/** What a large row held when it was read: nothing that came in since. */
const asRead = (row: Row): Select => (row.key === '*' ? row.select : { ...row.select, until: new Date(Date.parse(row.newest) + 1).toISOString() })

/** Everything of these rows that nobody decided yet, as the API wants it said; and how many that are. */
export function selectOf(rows: readonly Row[], decided: (id: string) => boolean, shown: Shown): { select: Select; count: number } {
  const large = rows.filter(isLarge)
  const others = rows.filter((row) => !isLarge(row) && !large.some((one) => one.key === row.parent))
  const ids = [...new Set(others.flatMap((row) => row.ids))].filter((id) => !decided(id))
  if (!large.length) return { select: { ids }, count: ids.length }
  const items = [...large.map(asRead), ...(ids.length ? [{ ids }] : [])]
  const which = items.length > 1 ? { any_of: items } : items[0]
  return { select: { ...which, ...shownWords(shown), states: ['held'] }, count: ids.length + large.reduce((sum, row) => sum + row.count, 0) }
}

/** The narrowest of our scopes in which a rule reaches all of these rows; "" where it takes several of them together. */
export function narrowestScope(rows: readonly Row[], mine: readonly string[] = []): string {
  const { person, department } = rows[0]!.lead
  const alike = (kind: 'person' | 'department', one: string, many: 'people' | 'departments') => rows.every((row) => one && row[many] === 1 && row.lead[kind] === one) && `${kind}:${one}`
  return [alike('person', person, 'people'), alike('department', department, 'departments'), 'company'].find((one) => one && (mine[0] === 'company' || mine.includes(one))) || ''
}
