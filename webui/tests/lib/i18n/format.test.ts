// Mail and time in words.
import { expect, test } from 'vitest'
import { actorName, addressBeside, addressParts, asking, asSentence, bytes, dayIn, delivering, ending, floodWords, initials, lifetime, longTime, midnight, peopleOf, validity, plain, timeLeft } from '../../../src/lib/i18n/format'
import type { Delivery } from '../../../src/lib/schema/types'

const NOW = Date.parse('2026-11-26T12:00:00Z')
const after = (minutes: number) => new Date(NOW + minutes * 60_000).toISOString()

test.each([
  ['invoice\u202egpj.exe', 'invoice⟨U+202E⟩gpj.exe'],
  ['a\u200bb\u0000', 'a⟨U+200B⟩b⟨U+0000⟩'],
  ['pay\u00adpal\u061c\u3164\u{e0041}', 'pay⟨U+00AD⟩pal⟨U+061C⟩⟨U+3164⟩⟨U+E0041⟩'],
  ['שלום', 'שלום'],
  [null, ''],
] as const)('nothing hides in %j', (text, seen) => expect(plain(text)).toBe(seen))

test.each([
  ['Sales', 'a@dell.example', false, 'a@dell.example'],
  ['', 'a@dell.example', false, ''],
  ['Sales', 'a@dell.example', true, 'claims a@dell.example'],
  ['', 'a@dell.example', true, 'claims a@dell.example'],
  ['', '', true, ''],
] as const)('beside %j stands %j (claimed: %j)', (author_name, author, claimed, beside) => expect(addressBeside({ author_name, author, claimed })).toBe(beside))

const struck = { author_name: 'Robot', author: 'robot@loop.example', person_name: 'Joe Fern' }

test.each([
  ['', undefined],
  ['crowd', 'Mail bomb: more messages than anyone can review within an hour. Call Joe Fern'],
  ['sender', 'Too many messages from Robot: more than anyone can review within an hour'],
  ['alerts', 'Verified messages during a mail bomb: the mail bomb may be there to hide one of them. Call Joe Fern'],
] as const)('the title of a flood of %j', (flood, words) => {
  const found = floodWords({ ...struck, flood } as Delivery)
  expect(found && `${found.title}: ${found.says}`).toBe(words)
})

test.each([
  ['no rule', 'No rule.'],
  ['dell.example was blocked', 'dell.example was blocked.'],
  ['Done!', 'Done!'],
  ['', ''],
] as const)('%j as a sentence', (words, sentence) => expect(asSentence(words)).toBe(sentence))

test.each([
  ['a@mail.dell.example', 'dell.example', ['a@', 'mail.', 'dell.example']],
  ['a@dell.example', 'dell.example', ['a@', '', 'dell.example']],
  ['nobody', '', ['nobody', '', '']],
] as const)('the parts of %s', (address, domain, parts) => expect(addressParts(address, domain)).toEqual(parts))

test.each([
  [after(4), 'valid for 4 min', 'in 4 min'],
  [after(130), 'valid for 2 h', 'in 2 h'],
  [after(1), 'valid for 1 min', 'in 1 min'],
  [after(0), 'expired', 'expired'],
  [after(-1), 'expired 1 min ago', 'expired'],
  [after(-130), 'expired 2 h ago', 'expired'],
  [after(-1_500), 'expired on 25 Nov', 'expired'],
] as const)('a time-limited message until %s', (until, words, short) => expect([validity(until, NOW), timeLeft(until, NOW)]).toEqual([words, short]))

test.each([
  [null, false, ''],
  [after(8), false, 'valid for 8 min'],
  [after(8), true, 'usually valid for 10 minutes'],
  [after(-1), true, 'usually valid for 1 minute'],
  [after(58), true, 'usually valid for an hour'],
  [after(118), true, 'usually valid for 2 hours'],
] as const)('what lasts until %s, assumed: %s', (until, assumed, words) => {
  const now = until === after(-1) ? NOW - 119_000 : NOW
  expect(lifetime({ time_limited_until: until, lifetime_assumed: assumed, received_at: after(-2) }, now)).toBe(words)
})

test.each([
  [27, 5, '27 delivered, 5 opened'],
  [27, null, '27 delivered'],
  [1, null, '1 delivered'],
  [0, null, ''],
] as const)('%i delivered, %s opened', (delivered, opened, words) => expect(delivering({ delivered, opened })).toBe(words))

test.each([
  [null, ''],
  [after(3_000), ''],
  [after(300), 'retention ends in 5 h'],
  [after(0), 'retention ends now'],
] as const)('when retention ends at %s', (at, words) => expect(ending(at, NOW)).toBe(words))

test('sizes, people, names', () => {
  expect([bytes(999), bytes(12_400), bytes(5_000_000)]).toEqual(['999 B', '12 kB', '5.0 MB'])
  expect([peopleOf({ people: 1, departments: 1 }), peopleOf({ people: 1_198, departments: 7 })]).toEqual(['1 person', '1,198 people in 7 departments'])
  expect([initials('Ana Maria Roth'), initials('Özil'), initials('!')]).toEqual(['AR', 'Ö', '?'])
  expect(asking([{ by_name: 'Joe' }, { by_name: 'Ann' }, { by_name: 'Joe' }])).toBe('requested by Joe and 1 other')
})

test.each([
  ['2026-11-24', 'UTC', 0, '2026-11-24T00:00:00.000Z'],
  ['2026-11-24', 'Europe/Berlin', 0, '2026-11-23T23:00:00.000Z'],
  ['2026-11-24', 'America/New_York', 1, '2026-11-25T05:00:00.000Z'],
  ['2026-03-29', 'Europe/Berlin', 0, '2026-03-28T23:00:00.000Z'],
  ['2026-03-29', 'Europe/Berlin', 1, '2026-03-29T22:00:00.000Z'],
])('%s begins in %s, %d days later, at its own midnight', (date, zone, later, instant) => {
  expect(midnight(date, zone, later)).toBe(instant)
  expect(dayIn(Date.parse(midnight(date, zone)), zone)).toBe(date)
})

test('a moment carries the zone in which it is shown', () => {
  expect(longTime('2026-11-24T08:41:00Z', 'America/New_York')).toMatch(/^24 Nov 2026, 03:41 (GMT-5|EST)$/)
  expect(longTime('2026-11-24T08:41:00Z', 'UTC')).toBe('24 Nov 2026, 08:41 UTC')
})

test.each([
  ['person:ana', 'ana'],
  ['shell:root', 'command line (root)'],
  ['token:0000000000001', 'token:0000000000001'],
])('the actor %s is %s', (actor, shown) => expect(actorName(actor)).toBe(shown))
