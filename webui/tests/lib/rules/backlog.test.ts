import { expect, test } from 'vitest'
import { doneAt, paceOf } from '../../../src/lib/rules/backlog'

const NOW = Date.parse('2026-11-24T09:00:00Z')
const ago = (...minutes: number[]): number[] => minutes.map((one) => NOW - one * 60_000)

test.each([
  ['nothing was decided', [], 0],
  ['too few decisions', ago(1, 2, 3, 4), 0],
  ['five in half an hour', ago(1, 5, 10, 20, 30), 10],
  ['five in a minute are no pace of 300', ago(0, 0.2, 0.4, 0.6, 0.8), 60],
  ['older ones do not count', ago(10, 20, 30, 40, 50, 61, 300), 6],
  ['old ones alone', ago(61, 62, 63, 64, 65, 66), 0],
])('pace: %s', (_, times, pace) => expect(paceOf(times, NOW)).toBeCloseTo(pace))

test('the queue is done when its rows are decided at that pace, be it days ahead', () => {
  expect(doneAt(15, 10, NOW)).toBe('2026-11-24T10:30:00.000Z')
  expect(doneAt(720, 10, NOW)).toBe('2026-11-27T09:00:00.000Z')
})
