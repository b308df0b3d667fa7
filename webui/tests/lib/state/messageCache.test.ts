// Messages that are kept once they are read: what nobody answered is not kept.
import { expect, test, vi } from 'vitest'
import { api, Problem } from '../../../src/lib/api/client'
import { fetchLetter, letter } from '../../../src/lib/state/messageCache.svelte'
import type { Message } from '../../../src/lib/schema/types'

test.each([
  { status: 0, asked: 2, there: true },
  { status: 503, asked: 2, there: true },
  { status: 404, asked: 1, there: false }, // it is gone: whoever wants to may try again by hand
])('what could not be read ($status) is asked for anew when it comes by again: $there', async ({ status, asked, there }) => {
  const id = `m${status}`
  const message = vi.spyOn(api, 'message').mockReset().mockRejectedValueOnce(new Problem(status, 'Not now.')).mockResolvedValue({ id } as Message)
  await fetchLetter(id)
  expect(letter(id)).toBeInstanceOf(Problem)
  await fetchLetter(id)
  await fetchLetter(id)
  expect([message.mock.calls.length, letter(id) instanceof Problem]).toEqual([asked, !there])
})

/** An answer that a test gives when it wants. */
function later<T>() {
  let resolve: (answer: T) => void = () => undefined
  const promise = new Promise<T>((answer) => (resolve = answer))
  return { promise, resolve }
}

test('a sealed message that is opened while it is read without a reason is the one that was read with it', async () => {
  const plain = later<Message>()
  vi.spyOn(api, 'message').mockReset().mockImplementation((id, reason) => (reason ? Promise.resolve({ id, subject: reason } as Message) : plain.promise))
  const first = fetchLetter('sealed')
  await fetchLetter('sealed', true, 'Mara asked')
  plain.resolve({ id: 'sealed', subject: '' } as Message)
  await first
  expect(letter('sealed')).toMatchObject({ subject: 'Mara asked' })
})
