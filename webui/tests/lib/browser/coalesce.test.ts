// Work that is wanted again while it is under way.
import { expect, test, vi } from 'vitest'
import { inTurns, PATIENCE } from '../../../src/lib/browser/coalesce'

/** Answers that come when they are let. */
function slow() {
  const answers: (() => void)[] = []
  const work = vi.fn(() => new Promise<void>((resolve) => answers.push(resolve)))
  return { work, answer: async () => (answers.shift()?.(), await new Promise((resolve) => setTimeout(resolve))) }
}

test('is done once more afterwards, however often it was wanted, and never twice at a time', async () => {
  const { work, answer } = slow()
  const told = inTurns(work)
  for (let times = 0; times < 5; times++) told()
  expect(work).toHaveBeenCalledTimes(1)
  await answer()
  expect(work).toHaveBeenCalledTimes(2)
  await answer()
  expect(work).toHaveBeenCalledTimes(2)
  told()
  expect(work).toHaveBeenCalledTimes(3)
})

test.each([
  { ends: 'fails', work: () => Promise.reject(new Error('no')) },
  { ends: 'says nothing', work: () => undefined },
])('is done again after it $ends', async ({ work }) => {
  const done = vi.fn(work)
  const told = inTurns(done)
  told()
  await new Promise((resolve) => setTimeout(resolve))
  told()
  expect(done).toHaveBeenCalledTimes(2)
})

test('does not wait for ever for what never ends', async () => {
  vi.useFakeTimers()
  const work = vi.fn(() => new Promise<void>(() => undefined))
  const told = inTurns(work)
  told()
  told()
  await vi.advanceTimersByTimeAsync(PATIENCE)
  expect(work).toHaveBeenCalledTimes(2)
  vi.useRealTimers()
})
