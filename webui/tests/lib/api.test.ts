// The client: what it waits for, and for how long.
import { expect, test, vi } from 'vitest'
import { api } from '../../src/lib/api'
import type { DecisionWish } from '../../src/lib/shapes'

test('a line on which nothing comes back is no answer to a decision, which is asked for again; a long reading is waited for', async () => {
  vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => AbortSignal.abort())
  vi.stubGlobal('fetch', (_: string, { signal }: RequestInit) => new Promise((resolve, refuse) => (signal?.aborted ? refuse(signal.reason) : setTimeout(resolve, 1, new Response('{}')))))
  await expect(api.decide({ verb: 'release', select: { ids: ['a'] } } as DecisionWish, 'once')).rejects.toMatchObject({ status: 0, message: 'The server does not answer.' })
  await expect(api.reports({})).resolves.toEqual({})
})
