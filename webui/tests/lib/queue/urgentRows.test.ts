// What a notification says: numbers of what is new, and no word of a message.
import { beforeEach, expect, test, vi } from 'vitest'
import { findUrgent, newWords, noteShown, untilNext } from '../../../src/lib/queue/urgentRows'

const rows: Record<string, { lead: { id: string; campaign: string | null; subject: string } }[]> = {}
const row = (id: string, campaign: string | null = null) => ({ lead: { id, campaign, subject: 'Secret' } })

beforeEach(() => {
  rows['time-limited'] = rows['act-now'] = []
  vi.stubGlobal('fetch', (url: string) => Promise.resolve(new Response(JSON.stringify({ items: rows[new URL(url, 'http://here').searchParams.get('section')!] }))))
})

async function found() {
  const urgent = await findUrgent()
  if (!urgent) throw new Error('the server did not answer')
  return urgent
}

test.each([
  [['a'], [], 'New: 1 time-limited row.'],
  [['a', 'b'], [], 'New: 2 time-limited rows.'],
  [[], ['c'], 'New: 1 row to act on now.'],
  [['a'], ['c', 'd'], 'New: 1 time-limited row, 2 rows to act on now.'],
  [[], [], ''],
])('codes %j and rows %j are told as %j', async (codes, acts, words) => {
  const before = await found()
  rows['time-limited'] = codes.map((id) => row(id))
  rows['act-now'] = acts.map((id) => row(id))
  expect(newWords(before, await found())).toBe(words)
  expect(newWords(await found(), await found())).toBe('')
})

test('a second code of one service is new, a second copy of a wave is not', async () => {
  rows['time-limited'] = [row('a', 'codes')]
  rows['act-now'] = [row('c', 'wave')]
  const before = await found()
  rows['time-limited'] = [row('b', 'codes')]
  rows['act-now'] = [row('d', 'wave')]
  expect(newWords(before, await found())).toBe('New: 1 time-limited row.')
})

test('a server that does not answer tells nothing', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('no connection')))
  expect(await findUrgent()).toBeNull()
})

test('a minute lies between two, in all windows of a browser', () => {
  noteShown(1_000_000)
  expect([1_000_000, 1_030_000, 1_060_000, 2_000_000].map(untilNext)).toEqual([60_000, 30_000, 0, 0])
})
