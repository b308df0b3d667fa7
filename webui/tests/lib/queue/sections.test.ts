// The sections of the queue: where they begin, and where a row goes whose section has changed.
import { expect, test } from 'vitest'
import { beginnings, sectionOf, settled } from '../../../src/lib/queue/sections'
import type { Row } from '../../../src/lib/queue/row'
import type { Section } from '../../../src/lib/schema/types'

const NOW = Date.parse('2026-11-24T09:00:00Z')
const after = (minutes: number): string => new Date(NOW + minutes * 60_000).toISOString()
const row = (key: string, section: Section, more: Partial<Row> = {}) =>
  ({ key, section, stands: section, urgency: 50, newest: after(-5), timeLimitedUntil: null, assumed: false, targetAt: null, parent: '', ...more }) as Row
const keys = (rows: readonly Row[]) => rows.map((one) => `${one.key}:${one.stands}`)
const anywhere = () => true

const PHISH = row('phish', 'act-now')
const CODE = row('code', 'time-limited', { timeLimitedUntil: after(1) })
const LINK = row('link', 'time-limited', { timeLimitedUntil: after(30), assumed: true })
const OFFER = row('offer', 'rest', { urgency: 60 })
const LATE = row('late', 'over-target', { urgency: 40, targetAt: after(-1) })
const SPAM = row('spam', 'rest', { urgency: 20 })

test.each([
  ['all', [PHISH, CODE, LINK, OFFER], true, { 0: 'act-now', 1: 'time-limited', 3: 'rest' }],
  ['over the target', [CODE, LATE, OFFER], true, { 0: 'time-limited', 1: 'over-target', 2: 'rest' }],
  ['only the rest', [OFFER, SPAM], true, {}],
  ['from the midst on', [CODE, LINK, OFFER], false, { 2: 'rest' }],
  ['an open group', [PHISH, row('x', 'rest', { parent: 'phish' }), OFFER], true, { 0: 'act-now', 2: 'rest' }],
  ['nothing', [], true, {}],
] as const)('sections begin: %s', (_, rows, isTop, found) => expect(Object.fromEntries(beginnings(rows, isTop))).toEqual(found))

test('what has expired belongs to the rest', () => {
  expect([sectionOf(CODE, NOW), sectionOf(CODE, NOW + 60_000), sectionOf(LINK, NOW + 60_000)]).toEqual(['time-limited', 'rest', 'time-limited'])
  expect(sectionOf({ ...CODE, targetAt: after(0) }, NOW + 60_000)).toBe('over-target')
})

test.each<[string, Row[], number, string[]]>([
  ['nothing has changed', [PHISH, CODE, OFFER], NOW, ['phish:act-now', 'code:time-limited', 'offer:rest']],
  ['a code has expired', [PHISH, CODE, OFFER, SPAM], NOW + 61_000, ['phish:act-now', 'offer:rest', 'code:rest', 'spam:rest']],
  ['a code that has expired, and is over the target', [{ ...CODE, targetAt: after(0) }, LATE, OFFER], NOW + 61_000, ['code:over-target', 'late:over-target', 'offer:rest']],
  ['copies were delivered', [CODE, OFFER, { ...SPAM, section: 'act-now' }], NOW, ['spam:act-now', 'code:time-limited', 'offer:rest']],
  ['the copies are gone', [{ ...PHISH, section: 'rest' }, CODE, OFFER], NOW, ['code:time-limited', 'offer:rest', 'phish:rest']],
  ['an assumed end after a stated one', [{ ...LINK, stands: 'rest' }, CODE, OFFER], NOW, ['code:time-limited', 'link:time-limited', 'offer:rest']],
])('rows go to their places: %s', (_, rows, now, found) => expect(keys(settled(rows, now, anywhere))).toEqual(found))

test('what is in hand stays', () => {
  const rows = [CODE, OFFER]
  expect(settled(rows, NOW + 61_000, (one) => one.key !== 'code')).toBe(rows)
})
