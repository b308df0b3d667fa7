// Who else is there: the server is told now and then.
import { expect, test, vi } from 'vitest'
import { api } from '../../../src/lib/api/client'
import { colleagues } from '../../../src/lib/queue/presence.svelte'

test('a server that takes its time is asked one question at a time', async () => {
  vi.useFakeTimers()
  let under = 0
  let most = 0
  const presence = vi.spyOn(api, 'presence').mockImplementation(async () => {
    most = Math.max(most, ++under)
    await new Promise((resolve) => setTimeout(resolve, 12_000))
    under -= 1
    return { colleagues: [], assigned: 0 }
  })
  const end = colleagues.begin()
  await vi.advanceTimersByTimeAsync(60_000)
  end()
  expect(most).toBe(1)
  expect(presence.mock.calls.length).toBeGreaterThan(3)
  vi.useRealTimers()
})
