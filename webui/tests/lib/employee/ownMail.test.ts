// An employee's own mail: all of it, page by page, in its place whatever is asked for.
import { beforeEach, expect, test, vi } from 'vitest'
import { own } from '../../../src/lib/employee/ownMail.svelte'
import type { OwnMessage } from '../../../src/lib/schema/types'

const SIZE = 3
const mail = (id: number, waits = true): OwnMessage => ({ id: String(id), held: waits, asked_at: null, declined: '' }) as OwnMessage

/** A server with so much that waits, and one mail that was taken away. */
function serves(count: number) {
  const asked: string[] = []
  const all = Array.from({ length: count }, (_, id) => mail(id))
  let status = 200
  vi.stubGlobal('fetch', (path: string, { method }: { method: string }) => {
    asked.push(`${method} ${path.replace('/api/v1', '')}`)
    const words = new URL(path, 'https://a.example').searchParams
    const start = Number(words.get('cursor') ?? 0)
    const wanted = all.filter((one) => one.id === words.get('message'))
    const page = { items: [...wanted, ...all.slice(start, start + SIZE).filter((one) => !wanted.includes(one)), ...(start ? [] : [mail(900, false)])], more_held: start + SIZE < count ? String(start + SIZE) : null, more_removed: null, digest: true, expected: [] }
    return Promise.resolve(new Response(JSON.stringify(method === 'GET' ? page : { id: 'R', detail: 'No.' }), { status: method === 'GET' ? 200 : status }))
  })
  return { asked, answers: (code: number) => (status = code) }
}

const ids = () => own.mine?.items.filter((one) => one.held).map((one) => Number(one.id))

beforeEach(async () => {
  serves(0)
  await own.signOut()
  own.wanted = ''
})

test('all that waits is had page by page, each mail once', async () => {
  serves(8)
  own.wanted = '7'
  await own.load()
  expect(ids()).toEqual([7, 0, 1, 2])
  while (own.mine?.more_held) expect(await own.more('held')).toBe(true)
  expect(ids()).toEqual([7, 0, 1, 2, 3, 4, 5, 6])
})

test('what is asked for stays in its place, and nothing is read anew', async () => {
  const { asked } = serves(8)
  await own.load()
  await own.more('held')
  expect(await own.ask(mail(4))).toBe(true)
  expect([ids(), own.mine?.items.find((one) => one.id === '4')?.asked_at]).toEqual([[0, 1, 2, 3, 4, 5], expect.any(String)])
  expect(asked).toEqual(['GET /me/messages', 'GET /me/messages?cursor=3', 'POST /me/requests'])
})

test('a second press while the first waits for its answer asks nothing', async () => {
  const { asked } = serves(8)
  await own.load()
  await Promise.all([own.ask(mail(1)), own.ask(mail(1)), own.more('held'), own.more('held'), own.ask(mail(2))])
  expect(asked.filter((one) => one.startsWith('POST')).length).toBe(2)
  expect(ids()).toEqual([0, 1, 2, 3, 4, 5])
})

test('a refusal is said beside the mail; who was signed out comes back to it', async () => {
  const { asked, answers } = serves(8)
  await own.load()
  await own.more('held')
  answers(409)
  expect([await own.ask(mail(1)), own.said['1']]).toEqual([false, 'No.'])
  answers(401)
  own.words['4'] = 'my booking'
  await own.ask(mail(4))
  expect([own.mine, own.failure.slice(0, 20), own.words['4']]).toEqual([null, 'You were signed out ', 'my booking'])
  await own.load()
  expect([asked.at(-1), ids()]).toEqual(['GET /me/messages?message=4', [4, 0, 1, 2]])
})
