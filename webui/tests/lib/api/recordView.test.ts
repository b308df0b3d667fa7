// What was on the screen for a moment is said, once for each time, until the server has heard it.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Problem } from '../../../src/lib/api/client'
import { sayAfterDwell, sayWhenSeen } from '../../../src/lib/api/recordView'

let tell: (on: boolean) => void = () => undefined
let ended = 0

class Observer {
  constructor(said: (seen: { isIntersecting: boolean }[]) => void) {
    tell = (on) => said([{ isIntersecting: on }])
  }
  observe = () => undefined
  disconnect = () => void (ended += 1)
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('IntersectionObserver', Observer)
  ended = 0
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const spoken = (...answers: (Problem | null)[]) => vi.fn(() => (answers[0] ? Promise.reject(answers.shift()) : Promise.resolve(void answers.shift())))

describe('what stays on the screen', () => {
  test.each([
    { after: 249, times: 0 },
    { after: 250, times: 1 },
    { after: 600_000, times: 1 },
  ])('for $after ms is said $times times', async ({ after, times }) => {
    const say = spoken()
    sayAfterDwell(say)
    await vi.advanceTimersByTimeAsync(after)
    expect(say).toHaveBeenCalledTimes(times)
  })

  test('is not said when it is gone before', async () => {
    const say = spoken()
    sayAfterDwell(say)()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(say).not.toHaveBeenCalled()
  })

  test.each([
    { answers: [new Problem(0, 'away'), new Problem(503, 'busy'), null], times: 3 },
    { answers: [new Problem(409, 'nothing of it was fetched'), null], times: 1 },
    { answers: [new Problem(401, 'signed out'), null], times: 1 },
  ])('is said until the server has heard it: $times times', async ({ answers, times }) => {
    const say = spoken(...answers)
    sayAfterDwell(say)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(say).toHaveBeenCalledTimes(times)
  })

  test('is not said for ever to a server that does not answer', async () => {
    const say = vi.fn(() => Promise.reject(new Problem(0, 'away')))
    sayAfterDwell(say)
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(say).toHaveBeenCalledTimes(60)
  })
})

test('an element says it each time that it comes on the screen of a page that somebody sees', async () => {
  let changed = () => {}
  const page = { visibilityState: 'visible', addEventListener: (_: string, heard: () => void) => (changed = heard), removeEventListener: () => (changed = () => {}) }
  vi.stubGlobal('document', page)
  const say = spoken()
  const end = sayWhenSeen({ checkVisibility: () => false } as Element, say)
  const passes = async (act: () => void) => {
    act()
    await vi.advanceTimersByTimeAsync(1_000)
    return say.mock.calls.length
  }
  const show = (state: string) => () => ((page.visibilityState = state), changed())
  expect(await passes(() => {})).toBe(0)
  expect(await passes(() => tell(true))).toBe(1)
  expect(await passes(show('hidden'))).toBe(1)
  expect(await passes(show('visible'))).toBe(2)
  expect(await passes(() => tell(false))).toBe(2)
  expect(await passes(() => (tell(true), end(), show('visible')()))).toBe(2)
  expect(ended).toBe(1)
})
