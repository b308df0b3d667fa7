// The stream of changes: who is told, and what is asked when it breaks off.
import { expect, test, vi } from 'vitest'
import { api } from '../../../src/lib/api/client'
import { live } from '../../../src/lib/state/eventStream.svelte'
import { One } from '../../../src/lib/state/resource.svelte'
import { session } from '../../../src/lib/state/session.svelte'
import type { Me } from '../../../src/lib/schema/types'

test.each([
  { now: 'ana', state: 'starting', locked: false },
  { now: 'ben', state: 'live', locked: true }, // signed in beside us, in another window: nothing of ours is sent in that name
])('after it broke off, with $now signed in', async ({ now, state, locked }) => {
  const streams: { onerror: () => void }[] = []
  class Stream { constructor() { streams.push(this as never) } addEventListener() {} close() {} }
  vi.stubGlobal('EventSource', Stream)
  vi.stubGlobal('document', { hidden: false, addEventListener: () => undefined, removeEventListener: () => undefined })
  const me = vi.spyOn(api, 'me').mockResolvedValue({ login: now } as Me)
  session.me = { login: 'ana' } as Me
  live.state = 'live'
  const end = live.begin()
  streams[0]!.onerror()
  await vi.waitFor(() => expect(me).toHaveBeenCalled())
  await Promise.resolve()
  expect([live.state, session.locked]).toEqual([state, locked])
  end()
})

test('on a slow line a page shows what it has read, however often something changes', async () => {
  vi.useFakeTimers()
  let change: () => void = () => undefined
  class Stream { addEventListener(_: string, told: () => void) { change = told } close() {} }
  vi.stubGlobal('EventSource', Stream)
  vi.stubGlobal('document', { hidden: false, addEventListener: () => undefined, removeEventListener: () => undefined })
  let asked = 0
  const page = new One<number>(() => new Promise((resolve) => setTimeout(resolve, 2_000, ++asked)))
  const ends = [live.begin(), live.listen(page.load)]
  for (let times = 0; times < 10; times++) {
    change()
    await vi.advanceTimersByTimeAsync(500)
  }
  expect([page.value, asked]).toEqual([2, 3])
  ends.forEach((end) => end())
  vi.useRealTimers()
})
