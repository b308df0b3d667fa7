// A decision in words: its stamp, its tone, and what is not done yet.
import { expect, test } from 'vitest'
import { progressOf, toneOfDecision, wordOfDecision } from '../../../src/lib/decisions/decisionText'
import type { Decision } from '../../../src/lib/schema/types'

const made = (about: Partial<Decision>): Decision =>
  ({ verb: 'purge', select: {}, undoes: null, count: 0, left: 0, in_flight: 0, recalling: 0, restoring: 0, already_gone: 0, out_of_reach: 0, refused: 0, outside: 0, mailboxes: 0, mailboxes_left: 0, ...about }) as Decision

test.each([
  [made({}), 'Removed', 'block'],
  [made({ verb: 'release' }), 'Released', 'release'],
  [made({ verb: 'redirect' }), 'Redirected', 'release'],
  [made({ verb: 'hold' }), 'Held again', 'mark'],
  [made({ undoes: 'X' } as Partial<Decision>), 'Undone', 'mark'],
  [made({ verb: 'sweep', select: { dry_run: true } } as Partial<Decision>), 'Counted', 'mark'],
])('%#', (one, word, tone) => expect([wordOfDecision(one), toneOfDecision(one)]).toEqual([word, tone]))

test('what is open, and what could not be done', () => {
  expect(progressOf(made({ count: 1_214, left: 1_000, recalling: 2, refused: 3 }))).toEqual({ all: 1_214, open: 1_002, says: '1,000 pending, 2 being removed from mailboxes, 3 no longer possible' })
  expect(progressOf(made({ count: 5 }))).toEqual({ all: 5, open: 0, says: '' })
  expect(progressOf(made({ count: 5, mailboxes: 40, mailboxes_left: 7 }))).toMatchObject({ all: 40, open: 7 })
})
