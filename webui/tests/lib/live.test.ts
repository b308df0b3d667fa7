// The stream of changes: what is asked when it breaks off.
import { expect, test, vi } from 'vitest'
import { api } from '../../src/lib/api'
import { live } from '../../src/lib/live.svelte'
import { session } from '../../src/lib/session.svelte'
import type { Me } from '../../src/lib/shapes'

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
