// Messages that are kept once they are read: what nobody answered is not kept.
import { expect, test, vi } from 'vitest'
import { api, Problem } from '../../src/lib/api'
import { fetchLetter, letter } from '../../src/lib/letters.svelte'
import type { Message } from '../../src/lib/shapes'

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
