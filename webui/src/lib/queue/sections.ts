// The sections of the queue: what must be acted on now, time-limited messages, those over their target, the rest, and known senders' messages held for an assistant. Rows stand in the server's order; one whose
// section has changed goes to its place when the cursor has left it.
import { t } from '../i18n/i18n'
import type { Row } from './row'
import type { Section } from '../schema/types'

export const ORDER: readonly Section[] = ['act-now', 'time-limited', 'over-target', 'rest', 'known']
export const SECTION_WORDS: Record<Section, string> = { 'act-now': t('Act now'), 'time-limited': t('Time-limited'), 'over-target': t('Over target'), rest: t('To decide'), known: t('From known senders') }

const hasExpired = (row: Row, now: number): boolean => row.timeLimitedUntil !== null && new Date(row.timeLimitedUntil).getTime() <= now

/** Has a possibly wanted message of a row waited longer than the target of its department? */
export const isOver = (row: Row, now: number): boolean => row.targetAt !== null && Date.parse(row.targetAt) < now

/** The section that a row belongs to by now: what has expired may wait, as long as the target lets it. */
export const sectionOf = (row: Row, now: number): Section => (row.section !== 'time-limited' || !hasExpired(row, now) ? row.section : isOver(row, now) ? 'over-target' : 'rest')

/** Does the first of two rows stand before the other? As the server sorts rows. */
function isBefore(one: Row, other: Row): boolean {
  const places = [ORDER.indexOf(one.stands) - ORDER.indexOf(other.stands)]
  if (one.stands === 'time-limited') places.push(Number(one.assumed) - Number(other.assumed), Date.parse(one.timeLimitedUntil ?? '') - Date.parse(other.timeLimitedUntil ?? ''))
  places.push(other.urgency - one.urgency, Date.parse(other.newest) - Date.parse(one.newest))
  return (places.find((place) => place) ?? 0) < 0
}

/** The rows with those that `moves` names in the sections that they belong to by now; the same object where none is in another one. */
export function settled(rows: readonly Row[], now: number, moves: (row: Row) => boolean): readonly Row[] {
  const going = rows.filter((row) => !row.parent && row.stands !== sectionOf(row, now) && moves(row))
  if (!going.length) return rows
  const found = rows.filter((row) => !going.includes(row))
  for (const row of going) {
    const there = { ...row, stands: sectionOf(row, now) }
    const place = found.findIndex((one) => !one.parent && isBefore(there, one))
    found.splice(place < 0 ? found.length : place, 0, there)
  }
  return found
}

/** Where sections begin among these rows, by index; none where all is the rest. `isTop`: no rows lie above. */
export function beginnings(rows: readonly Row[], isTop: boolean): ReadonlyMap<number, Section> {
  const found = new Map<number, Section>()
  if (rows.every((row) => row.parent || row.stands === 'rest')) return found
  let before: Section | '' = isTop ? '' : (rows[0]?.stands ?? '')
  rows.forEach((row, index) => {
    if (row.parent || row.stands === before) return
    found.set(index, row.stands)
    before = row.stands
  })
  return found
}
