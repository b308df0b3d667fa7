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
  await vi.advanceTimersByTimeAsync(30_000) // the last questions are answered too
  expect(most).toBe(1)
  expect(presence.mock.calls.length).toBeGreaterThan(3)
  vi.useRealTimers()
})

test('where nobody sits the server is told once that nothing is looked at, then every minute, and at once when somebody is back', async () => {
  vi.useFakeTimers({ now: Date.now() })
  window.dispatchEvent(new Event('keydown'))
  const presence = vi.spyOn(api, 'presence').mockReset().mockResolvedValue({ colleagues: [], assigned: 0 })
  const end = colleagues.begin()
  colleagues.lookAt('row')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(presence.mock.calls.length).toBeGreaterThan(10)
  expect(presence).toHaveBeenLastCalledWith('row')
  presence.mockClear()
  await vi.advanceTimersByTimeAsync(180_000)
  expect(presence.mock.calls).toEqual([[null], [null], [null]])
  window.dispatchEvent(new Event('keydown'))
  expect(presence).toHaveBeenLastCalledWith('row')
  end()
  vi.useRealTimers()
})
