// The part of a long list that is here, and where its rows are on screen.
import { expect, test } from 'vitest'
import { offsetsOf, rowAt, scaleOf, spanOf, TALLEST } from '../../../src/lib/list/rowGeometry'
import type { Row } from '../../../src/lib/queue/row'
import { grown, indexAt, led, lengthOf, partsBetween, positionOf, runAt } from '../../../src/lib/queue/listWindow'

const rows = (from: number, count: number, parent = ''): Row[] => Array.from({ length: count }, (_, index) => ({ key: `${parent}${from + index}`, parent }) as Row)

test('a run grows at either end, and knows where it stands', () => {
  let run = runAt({ rows: rows(100, 10), next: { cursor: 'a' }, prev: { before: 'x' } }, { at: 'x' }, 100)
  run = grown(run, { rows: rows(109, 10), next: null, prev: { before: 'a' } }, { cursor: 'a' }) // one of them is here already
  run = led(run, { rows: rows(90, 10), next: { cursor: 'x' }, prev: { before: 'w' } }, { before: 'x' }, 90)
  expect([run.before, lengthOf(run), run.rows.length, run.next, run.prev]).toEqual([90, 29, 29, null, { before: 'w' }])
  expect([positionOf(run, 0), positionOf(run, 28), indexAt(run, 100), indexAt(run, 5_000)]).toEqual([90, 118, 10, 29])
  expect(partsBetween(run, 11, 12).map((part) => part.from)).toEqual([{ at: 'x' }])
})

test('messages of an opened group stand where their group does', () => {
  const run = { ...runAt({ rows: rows(0, 3), next: null, prev: null }, {}, 0), rows: [...rows(0, 2), ...rows(0, 4, '1/'), ...rows(2, 1)] }
  expect([positionOf(run, 1), positionOf(run, 4), positionOf(run, 6), indexAt(run, 2)]).toEqual([1, 1, 2, 6])
})

test('no more than twenty parts are kept', () => {
  const page = (part: number) => ({ rows: rows(part * 2, 2), next: { cursor: String(part + 1) }, prev: { before: String(part) } })
  let run = runAt(page(0), {}, 0)
  for (let part = 1; part < 30; part++) run = grown(run, page(part), { cursor: String(part) })
  expect([run.parts.length, run.before, run.rows[0]!.key, run.prev]).toEqual([20, 20, '20', { before: '10' }])
  run = led(run, page(9), { before: '10' }, 18)
  expect([run.parts.length, run.before, run.rows.at(-1)!.key, run.next]).toEqual([20, 18, '57', { cursor: '29' }])
})

test('where rows lie', () => {
  const tops = offsetsOf([58, 46, 46, 58], 1_000)
  expect([...tops]).toEqual([1_000, 1_058, 1_104, 1_150, 1_208])
  expect([rowAt(tops, 1_000), rowAt(tops, 1_058), rowAt(tops, 9_999)]).toEqual([0, 1, 3])
  expect(spanOf(tops, 1_060, 10, 0)).toEqual({ from: 1, to: 2 })
  expect(spanOf(tops, 5_000, 10)).toEqual({ from: 0, to: 0 })
})

test('a list that is taller than browsers lay out is scaled', () => {
  expect(scaleOf(TALLEST, 600)).toBe(1)
  expect(scaleOf(58_000_000, 600)).toBeCloseTo(7.25, 2)
})
