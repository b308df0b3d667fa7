// The client: what it waits for, and for how long.
import { expect, test, vi } from 'vitest'
import { api } from '../../../src/lib/api/client'
import type { DecisionOrder } from '../../../src/lib/schema/types'

test('a line on which nothing comes back is no answer to a decision, which is asked for again; a long reading is waited for', async () => {
  vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => AbortSignal.abort())
  vi.stubGlobal('fetch', (_: string, { signal }: RequestInit) => new Promise((resolve, refuse) => (signal?.aborted ? refuse(signal.reason) : setTimeout(resolve, 1, new Response('{}')))))
  await expect(api.decide({ verb: 'release', select: { ids: ['a'] } } as DecisionOrder, 'once')).rejects.toMatchObject({ status: 0, message: 'The server does not answer.' })
  await expect(api.reports({})).resolves.toEqual({})
})

test.each([
  { detail: 'the content of this message has been erased: its retention time is over', says: 'The content of this message has been erased: its retention time is over.' },
  { detail: 'value: nobody@nowhere.example is no address here', says: 'nobody@nowhere.example is no address here.' },
  { detail: 'Sign in first.', says: 'Sign in first.' },
])('what is refused is said in a sentence: $says', async ({ detail, says }) => {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify({ detail }), { status: 410 })))
  await expect(api.cover()).rejects.toMatchObject({ status: 410, message: says })
})
