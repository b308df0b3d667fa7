// Signing out: what could not be ended is not said to be over.
import { expect, test, vi } from 'vitest'
import { api, Problem } from '../../../src/lib/api/client'
import { session } from '../../../src/lib/state/session.svelte'

test.each([
  { answer: 'is carried out', ends: () => Promise.resolve(), says: '', left: 1 },
  { answer: 'finds a session that had ended before', ends: () => Promise.reject(new Problem(401, 'Sign in first.')), says: '', left: 1 },
  { answer: 'gets no answer', ends: () => Promise.reject(new Problem(0, 'The server does not answer.')), says: 'The server does not answer.', left: 0 },
  { answer: 'is refused', ends: () => Promise.reject(new Problem(503, 'Not now.')), says: 'Not now.', left: 0 },
])('that $answer', async ({ ends, says, left }) => {
  const assign = vi.fn()
  vi.stubGlobal('location', { ...location, assign })
  vi.spyOn(api, 'signOut').mockImplementation(ends)
  expect([await session.leave(), assign.mock.calls.length]).toEqual([says, left])
})
