// The queue and the desk: the cursor after a decision, marks, the selection, undo, and what a refusal leaves behind.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { api, Problem } from '../../../src/lib/api/client'
import { desk } from '../../../src/lib/decisions/decisions.svelte'
import { live } from '../../../src/lib/state/eventStream.svelte'
import { queue } from '../../../src/lib/queue/queue.svelte'
import { purgeScopesOf } from '../../../src/lib/removal/purgeScope'
import { rowOfDelivery, type Row } from '../../../src/lib/queue/row'
import { runAt } from '../../../src/lib/queue/listWindow'
import { readGroup } from '../../../src/lib/queue/tabs'
import { secondLooks } from '../../../src/lib/decisions/secondLook.svelte'
import { session } from '../../../src/lib/state/session.svelte'
import type { NeededLook } from '../../../src/lib/api/client'
import type { TriageItems, Decision, Deliveries, Delivery, Me } from '../../../src/lib/schema/types'

const mail = (id: string): Delivery => ({ id, subject: `Mail ${id}`, author: `${id}@x.example`, state: 'held', received_at: '2026-11-26T09:00:00Z', risk: 10, department: 'it', person: 'joe', assigned: null, decided: null }) as Delivery
const group = (...ids: string[]): Row => ({ ...rowOfDelivery(mail(ids[0]!)), key: `g${ids[0]}`, ids, count: ids.length, select: { sender: 's@x.example' } })
const made = (about: Partial<Decision> = {}): Decision => ({ id: 'D', verb: 'release', at: '2026-11-26T09:01:00Z', by_name: 'Ana', count: 1, done: 1, recalling: 0, restoring: 0, rules: [], items: [], undoable: true, ...about }) as Decision

beforeEach(() => {
  vi.restoreAllMocks()
  queue.run = runAt({ rows: [rowOfDelivery(mail('a')), group('b', 'c', 'd'), rowOfDelivery(mail('e'))], next: null, prev: null }, {}, 0)
  queue.marks = new Map()
  queue.pickNone()
  queue.loaded = true
  queue.view = { tab: 'held', group: 'sender', department: '', person: '', q: '', assigned: '', message: '', narrowing: '' }
  queue.cursor = 'a'
  desk.refusal = null
  live.state = 'live'
})

const called = (undo: { mock: { calls: unknown[][] } }) => undo.mock.calls.map(([id]) => [id])
const marked = () => [...queue.marks].map(([id, { verb, sure }]) => [id, verb, sure])

test('the next card is under the cursor before the server answers', async () => {
  let answer: (decision: Decision) => void = () => undefined
  const decide = vi.spyOn(api, 'decide').mockReturnValue(new Promise((resolve) => (answer = resolve)))
  const decided = desk.decide({ verb: 'release' }, queue.inHand)
  expect([queue.cursor, marked()]).toEqual(['gb', [['a', 'release', false]]])
  answer(made())
  await decided
  expect(decide.mock.calls[0]![0]).toMatchObject({ verb: 'release', select: { ids: ['a'] }, expect: 1 })
  expect([marked(), desk.toast?.text]).toEqual([[['a', 'release', true]], 'Released “Mail a”.'])
})

test('a group acts like its members, and what is decided of it already is left out', async () => {
  const decide = vi.spyOn(api, 'decide').mockResolvedValue(made({ verb: 'purge', count: 2, done: 2 }))
  queue.markAs(['b'], { verb: 'release', blocked: false, by: '', at: '', decision: '', sure: true })
  queue.cursor = 'gb'
  expect(queue.remaining(queue.row!)).toBe(2)
  await desk.decide({ verb: 'purge' }, queue.inHand)
  expect(decide.mock.calls[0]![0]).toMatchObject({ select: { ids: ['c', 'd'] }, expect: 2 })
  expect(queue.cursor).toBe('e')
})

const large = (key: string, count: number): Row => ({ ...rowOfDelivery(mail(key)), key: `g${key}`, count, select: { sender: `${key}@x.example`, proof: 'none' } })

test('large groups are decided by what they have in common, as it was when they were read, beside messages by name', async () => {
  const decide = vi.spyOn(api, 'decide').mockResolvedValue(made({ count: 1061, done: 1061 }))
  queue.view = { ...queue.view, department: 'it', q: 'offer' }
  queue.run = runAt({ rows: [large('a', 60), large('b', 1_000), rowOfDelivery(mail('c')), rowOfDelivery(mail('b'), 'gb')], next: null, prev: null }, {}, 0)
  queue.pick(['ga', 'gb', 'c', 'gb/b'])
  await desk.decide({ verb: 'release' }, queue.inHand)
  const until = '2026-11-26T09:00:00.001Z'
  const cards = [{ sender: 'a@x.example', proof: 'none', until }, { sender: 'b@x.example', proof: 'none', until }, { ids: ['c'] }]
  expect(decide.mock.calls[0]![0]).toMatchObject({ select: { any_of: cards, states: ['held'], department: 'it', q: 'offer' }, expect: 1_061 })
  expect(queue.rows.filter((row) => queue.markOf(row)).map((row) => row.key)).toEqual(['ga', 'gb', 'c'])
})

test('a mail of a large group is decided by itself', async () => {
  vi.spyOn(api, 'decide').mockResolvedValue(made())
  queue.run = runAt({ rows: [large('b', 1_000), rowOfDelivery(mail('b'), 'gb')], next: null, prev: null }, {}, 0)
  queue.cursor = 'gb/b'
  await desk.decide({ verb: 'release' }, queue.inHand)
  expect(queue.rows.map((row) => queue.markOf(row)?.verb)).toEqual([undefined, 'release'])
})

test('below the last one the cursor goes up, and stays where nothing waits', () => {
  queue.cursor = 'e'
  queue.markAs(['e'], { verb: 'leave', blocked: false, by: '', at: '', decision: '', sure: true })
  queue.advance()
  expect(queue.cursor).toBe('gb')
  queue.markAs(['a', 'b', 'c', 'd'], { verb: 'leave', blocked: false, by: '', at: '', decision: '', sure: true })
  queue.advance()
  expect(queue.cursor).toBe('gb')
})

test('the late click: the row is as it became, and the reason is told', async () => {
  vi.spyOn(api, 'decide').mockRejectedValue(new Problem(409, 'Maria blocked this sender 4 seconds ago.'))
  vi.spyOn(api, 'delivery').mockResolvedValue({ ...mail('a'), state: 'purged', decided: { decision: 'M', verb: 'purge', by: 'person:maria', by_name: 'Maria', at: '2026-11-26T09:00:56Z', undone: false } } as never)
  await desk.decide({ verb: 'release' }, queue.inHand)
  expect([desk.refusal?.title, desk.refusal?.detail]).toEqual(['Maria blocked this sender 4 seconds ago.', '“Mail a” was not released.'])
  expect(marked()).toEqual([['a', 'purge', true]])
})

test('no answer: the decision is kept, and asked for again under the same name', async () => {
  const decide = vi.spyOn(api, 'decide').mockRejectedValueOnce(new Problem(0, 'The server does not answer.')).mockResolvedValue(made({ verb: 'purge' }))
  const unreachable = vi.spyOn(live, 'unreachable').mockImplementation(() => undefined)
  await desk.decide({ verb: 'purge' }, queue.inHand)
  expect([marked(), desk.unanswered.map((one) => one.subject)]).toEqual([[['a', 'purge', false]], ['“Mail a”']])
  expect(unreachable).toHaveBeenCalled()
  desk.askAgain()
  await vi.waitFor(() => expect([marked(), desk.unanswered]).toEqual([[['a', 'purge', true]], []]))
  expect(decide.mock.calls[1]).toEqual(decide.mock.calls[0])
})

test('what got no answer can be let go', async () => {
  vi.spyOn(api, 'decide').mockRejectedValue(new Problem(0, 'The server does not answer.'))
  vi.spyOn(live, 'unreachable').mockImplementation(() => undefined)
  vi.spyOn(queue, 'look').mockResolvedValue()
  await desk.decide({ verb: 'purge' }, queue.inHand)
  desk.forget()
  expect([marked(), desk.unanswered]).toEqual([[], []])
})

test.each([0, 503, 500, 401])('an undo that could not be carried out just now (%i) can be asked for again', async (status) => {
  vi.spyOn(api, 'decide').mockResolvedValue(made())
  const undo = vi.spyOn(api, 'undo').mockRejectedValueOnce(new Problem(status, 'Not now.')).mockResolvedValue(made({ id: 'U' }))
  vi.spyOn(live, 'unreachable').mockImplementation(() => undefined)
  await desk.decide({ verb: 'release' }, queue.inHand)
  await desk.undoLast()
  await desk.undoLast()
  expect([called(undo), marked()]).toEqual([[['D'], ['D']], []])
})

test('undo takes back the last decision first, and puts the cursor there', async () => {
  vi.spyOn(api, 'decide').mockResolvedValueOnce(made({ id: '1' })).mockResolvedValueOnce(made({ id: '2' }))
  const undo = vi.spyOn(api, 'undo').mockImplementation((id) => Promise.resolve(made({ id: `u${id}` })))
  await desk.decide({ verb: 'release' }, [queue.rows[0]!])
  await desk.decide({ verb: 'release' }, [queue.rows[2]!])
  await desk.undoLast()
  expect([called(undo), queue.cursor, marked()]).toEqual([[['2']], 'e', [['a', 'release', true]]])
  await desk.undoLast()
  expect([called(undo).at(-1), queue.cursor, marked()]).toEqual([['1'], 'a', []])
})

/** A promise and how it is answered. */
function later<T>() {
  let answer: (value: T) => void = () => undefined
  let refuse: (problem: Problem) => void = () => undefined
  const promise = new Promise<T>((resolve, reject) => ([answer, refuse] = [resolve, reject]))
  return { promise, answer, refuse }
}

describe('undo while a decision is on its way', () => {
  test.each([
    { becomes: 'is carried out', undone: [['2']] },
    { becomes: 'is refused', undone: [] },
  ])('means that one, which $becomes, never the one before', async ({ becomes, undone }) => {
    const second = later<Decision>()
    vi.spyOn(api, 'decide').mockResolvedValueOnce(made({ id: '1' })).mockReturnValueOnce(second.promise)
    const undo = vi.spyOn(api, 'undo').mockImplementation((id) => Promise.resolve(made({ id: `u${id}` })))
    await desk.decide({ verb: 'release' }, [queue.rows[0]!])
    void desk.decide({ verb: 'release' }, [queue.rows[2]!])
    const undoing = desk.undoLast()
    if (becomes === 'is refused') second.refuse(new Problem(403, 'It is not yours.'))
    else second.answer(made({ id: '2' }))
    await undoing
    expect(called(undo)).toEqual(undone)
  })

  /** Two decisions on their way, and how each is answered. */
  function two() {
    const [first, second] = [later<Decision>(), later<Decision>()]
    vi.spyOn(api, 'decide').mockReturnValueOnce(first.promise).mockReturnValueOnce(second.promise)
    const undo = vi.spyOn(api, 'undo').mockImplementation((id) => Promise.resolve(made({ id: `u${id}` })))
    const decided = [desk.decide({ verb: 'release' }, [queue.rows[0]!]), desk.decide({ verb: 'release' }, [queue.rows[2]!])] as const
    return { first, second, decided, undone: () => undo.mock.calls.map(([id]) => id) }
  }

  test('means the last one asked for, whichever is answered first', async () => {
    const { first, second, undone } = two()
    const undoing = desk.undoLast()
    second.answer(made({ id: '2' }))
    await Promise.resolve()
    first.answer(made({ id: '1' }))
    await undoing
    expect(undone()).toEqual(['2'])
  })

  test('means the last one asked for when the one before has its answer', async () => {
    const { first, second, decided, undone } = two()
    first.answer(made({ id: '1' }))
    await decided[0]
    const undoing = desk.undoLast()
    second.answer(made({ id: '2' }))
    await undoing
    expect(undone()).toEqual(['2'])
  })

  test('pressed twice takes back both', async () => {
    const { first, second, undone } = two()
    const undoing = [desk.undoLast(), desk.undoLast()]
    second.answer(made({ id: '2' }))
    first.answer(made({ id: '1' }))
    await Promise.all(undoing)
    expect(undone().toSorted()).toEqual(['1', '2'])
  })

  test('a late answer takes no place of what was asked for after it', async () => {
    const { first, second, decided, undone } = two()
    second.answer(made({ id: '2' }))
    await decided[1]
    first.answer(made({ id: '1' }))
    await decided[0]
    expect(desk.toast?.text).toBe('Released “Mail e”.')
    await desk.undoLast()
    await desk.undoLast()
    expect(undone()).toEqual(['2', '1'])
  })

  test('is no undo of another when that got no answer', async () => {
    vi.spyOn(api, 'decide').mockResolvedValueOnce(made({ id: '1' })).mockRejectedValueOnce(new Problem(0, 'The server does not answer.'))
    const undo = vi.spyOn(api, 'undo')
    vi.spyOn(live, 'unreachable').mockImplementation(() => undefined)
    vi.spyOn(queue, 'look').mockResolvedValue()
    await desk.decide({ verb: 'release' }, [queue.rows[0]!])
    await desk.decide({ verb: 'release' }, [queue.rows[2]!])
    await desk.undoLast()
    expect(undo).not.toHaveBeenCalled()
    desk.forget()
  })
})

test('an undo while campaigns are joined means that, and nothing when they are not', async () => {
  vi.spyOn(api, 'decide').mockResolvedValue(made())
  const undo = vi.spyOn(api, 'undo').mockResolvedValue(made({ id: 'U' }))
  vi.spyOn(queue, 'reload').mockResolvedValue()
  await desk.decide({ verb: 'release' }, queue.inHand)
  for (const answer of [Promise.reject(new Problem(403, 'They are not yours.')), Promise.resolve(made({ id: 'J' }))]) {
    const joined = desk.regroup(answer, 'Joined.')
    await Promise.all([desk.undoLast(), joined])
  }
  expect(called(undo)).toEqual([['J']])
})

describe('what is kept', () => {
  test('is taken back like any act, before the decision that came before it', async () => {
    vi.spyOn(api, 'decide').mockResolvedValue(made())
    const undo = vi.spyOn(api, 'undo').mockResolvedValue(made({ id: 'U' }))
    await desk.decide({ verb: 'release' }, queue.inHand)
    desk.leave(queue.inHand)
    expect([queue.cursor, desk.toast?.text]).toEqual(['e', 'Skipped “Mail b”.'])
    desk.toast = null // as when its time is over
    await desk.undoLast()
    expect([called(undo), queue.cursor, marked()]).toEqual([[], 'gb', [['a', 'release', true]]])
    await desk.undoLast()
    expect([called(undo), queue.cursor, marked()]).toEqual([[['D']], 'a', []])
  })

  test('is no mail that was released before', () => {
    queue.markAs(['b'], { verb: 'release', blocked: false, by: '', at: '', decision: '', sure: true })
    desk.leave([queue.rows[1]!])
    expect(marked()).toEqual([['b', 'release', true], ['c', 'leave', true], ['d', 'leave', true]])
  })

  test('and is out of sight by now is nothing to take back', async () => {
    vi.spyOn(api, 'decide').mockResolvedValue(made())
    const undo = vi.spyOn(api, 'undo').mockResolvedValue(made({ id: 'U' }))
    await desk.decide({ verb: 'release' }, queue.inHand)
    desk.leave(queue.inHand)
    queue.marks = new Map()
    await desk.undoLast()
    await vi.waitFor(() => expect(called(undo)).toEqual([['D']]))
  })

  test('of a group leaves it in hand, beside what was released of it', () => {
    desk.leave([queue.rows[1]!])
    queue.markAs(['d'], { verb: 'release', blocked: false, by: '', at: '', decision: '', sure: true })
    expect(queue.markOf(queue.rows[1]!)?.verb).toBe('leave')
  })

  test('where nothing can be kept there is nothing to take back', async () => {
    vi.spyOn(api, 'decide').mockResolvedValue(made())
    const undo = vi.spyOn(api, 'undo').mockResolvedValue(made({ id: 'U' }))
    await desk.decide({ verb: 'release' }, queue.inHand)
    desk.leave([])
    await desk.undoLast()
    expect(called(undo)).toEqual([['D']])
  })
})

test('what was said with a way back is taken back also when it is said no more', async () => {
  vi.spyOn(api, 'decide').mockResolvedValue(made())
  const [undo, back] = [vi.spyOn(api, 'undo').mockResolvedValue(made({ id: 'U' })), vi.fn()]
  await desk.decide({ verb: 'release' }, queue.inHand)
  desk.say('Handed to Ben.', { back })
  desk.toast = null
  await desk.undoLast()
  expect([back.mock.calls.length, called(undo)]).toEqual([1, []])
  await desk.undoLast()
  expect([back.mock.calls.length, called(undo)]).toEqual([1, [['D']]])
})

test('what the session ended over is told and can be asked for again, and its undo is not forgotten', async () => {
  const ended = new Problem(401, 'Sign in first.')
  const decide = vi.spyOn(api, 'decide').mockRejectedValueOnce(ended).mockResolvedValue(made())
  const undo = vi.spyOn(api, 'undo').mockRejectedValueOnce(ended).mockResolvedValue(made({ id: 'U' }))
  await desk.decide({ verb: 'release' }, queue.inHand)
  expect([desk.refusal?.detail, marked()]).toEqual(['“Mail a” was not released.', []])
  desk.refusal?.again?.()
  await vi.waitFor(() => expect(marked()).toEqual([['a', 'release', true]]))
  expect(decide.mock.calls[1]).toEqual(decide.mock.calls[0])
  await desk.undoLast()
  expect(desk.refusal?.detail).toBe('Nothing was undone.')
  await desk.undoLast()
  expect(called(undo)).toEqual([['D'], ['D']])
})

test('a stamp knows of one row, the answer of all that came back', async () => {
  vi.spyOn(api, 'decision').mockResolvedValue(made({ id: 'Maria’s', count: 214 }))
  const undo = vi.spyOn(api, 'undo').mockResolvedValue(made({ id: 'U', count: 214, done: 214 }))
  const undoing = desk.undoById('Maria’s', [queue.rows[0]!])
  await vi.waitFor(() => expect(desk.undoQuestion?.decision.count).toBe(214))
  desk.undoQuestion!.answer(true)
  expect([await undoing, desk.toast?.text, desk.undoQuestion]).toEqual([true, 'Undone. 214 messages are back.', null])
  expect(undo.mock.calls[0]).toEqual(['Maria’s', false, {}]) // by name: a colleague's too
})

describe('an undo that reaches back', () => {
  const me = { login: 'ana', undo_seconds: 5 } as Me
  const later = (seconds: number) => vi.spyOn(performance, 'now').mockReturnValue(now + seconds * 1_000)
  let now = 0
  beforeEach(() => {
    now = performance.now()
    vi.spyOn(performance, 'now').mockReturnValue(now)
    session.me = me
    vi.spyOn(api, 'decide').mockImplementation((wish) => Promise.resolve(made({ verb: wish.verb })))
    vi.spyOn(api, 'decision').mockResolvedValue(made({ count: 3 }))
  })
  afterEach(() => void (session.me = null))

  test.each([
    { about: 'a release that has not left', verb: 'release' as const, after: 4, toast: true, asks: false },
    { about: 'a release that has left while its toast is there', verb: 'release' as const, after: 5.5, toast: true, asks: true },
    { about: 'a purge while its toast is there', verb: 'purge' as const, after: 5.5, toast: true, asks: false },
    { about: 'a purge whose toast was replaced, within its life', verb: 'purge' as const, after: 5.5, toast: false, asks: false },
    { about: 'a purge whose toast is gone', verb: 'purge' as const, after: 7, toast: false, asks: true },
    { about: 'a purge whose toast is looked at', verb: 'purge' as const, after: 60, toast: true, asks: false },
  ])('$about: asks first: $asks', async ({ verb, after, toast, asks }) => {
    const undo = vi.spyOn(api, 'undo').mockResolvedValue(made({ id: 'U' }))
    await desk.decide({ verb }, queue.inHand)
    if (!toast) desk.say('Something else.')
    later(after)
    const undoing = desk.undoLast()
    if (asks) {
      await vi.waitFor(() => expect(desk.undoQuestion?.decision.count).toBe(3))
      expect(undo).not.toHaveBeenCalled()
      desk.undoQuestion!.answer(false)
      await undoing
      expect(undo).not.toHaveBeenCalled()
      const again = desk.undoLast() // it is still the last one
      await vi.waitFor(() => expect(desk.undoQuestion).not.toBeNull())
      desk.undoQuestion!.answer(true)
      await again
    } else await undoing
    expect(undo.mock.calls).toEqual([['D', true, {}]])
  })
})

describe('a second look', () => {
  const needed = { names: ['dmarc-fails'], second_look: [], fence: 'f' } as unknown as NeededLook
  const refused = new Problem(409, 'Look again.', [], '', needed)

  test.each([
    { about: 'is confirmed with exactly its names and fence', known: false, sure: true },
    { about: 'is not confirmed', known: false, sure: false },
    { about: 'was announced by the row', known: true, sure: true },
  ])('$about', async ({ known, sure }) => {
    const decide = vi.spyOn(api, 'decide').mockRejectedValueOnce(refused).mockResolvedValue(made({ items: [{ delivery: 'a', outcome: 'done' }] } as never))
    const rows = queue.inHand.map((row) => ({ ...row, looks: known ? (['dmarc-fails'] as const) : [] }))
    const decided = desk.decide({ verb: 'release' }, rows)
    expect(marked().length).toBe(known ? 0 : 1)
    await vi.waitFor(() => expect(secondLooks.now).not.toBeNull())
    expect([queue.cursor, marked()]).toEqual(['a', []]) // it is shown as it is
    secondLooks.now!.answer(sure)
    await decided
    const asked = decide.mock.calls.map(([{ confirm, fence }, key]) => [confirm, fence, key])
    expect(asked.map(([confirm, fence]) => [confirm, fence])).toEqual([[undefined, undefined], ...(sure ? [[['dmarc-fails'], 'f']] : [])])
    expect(new Set(asked.map(([, , key]) => key)).size).toBe(asked.length)
    expect([queue.cursor, marked()]).toEqual(sure ? ['gb', [['a', 'release', true]]] : ['a', []])
  })
})

test('after a refusal the cursor stays on the mail it has gone on to', async () => {
  vi.spyOn(api, 'decide').mockRejectedValue(new Problem(412, 'There are 2 now.'))
  vi.spyOn(api, 'delivery').mockResolvedValue(mail('a') as never)
  const cards = vi.spyOn(api, 'triage').mockResolvedValue({ items: [], next_cursor: null, previous_cursor: null, position: 0, total_items: 0, total_deliveries: 0 } as never)
  vi.spyOn(api, 'deliveries').mockResolvedValue({ items: [], next_cursor: null, total_estimate: 0 } as never)
  await desk.decide({ verb: 'release' }, queue.inHand)
  await vi.waitFor(() => expect(cards).toHaveBeenCalled())
  expect([queue.cursor, desk.refusal?.title]).toEqual(['gb', 'The queue has changed.'])
})

test('a search that runs out of time waits to be asked to look further', async () => {
  const none = { total_is_at_least: true, looked_back_to: null, next_cursor: null }
  const pages = [
    { ...none, items: [mail('a')], total_estimate: 1, next_cursor: 'x', looked_back_to: '2026-11-12T10:00:00Z' },
    { ...none, items: [], total_estimate: 0, next_cursor: 'y', looked_back_to: '2026-11-11T10:00:00Z' },
    { ...none, items: [mail('b')], total_estimate: 1 },
  ]
  const deliveries = vi.spyOn(api, 'deliveries').mockImplementation(() => Promise.resolve(pages.shift() as never))
  await queue.open({ tab: 'all', group: 'none', department: '', person: '', q: 'rare', assigned: '', message: '', narrowing: '' })
  await queue.more() // nobody asked
  expect([deliveries.mock.calls.length, queue.further?.to, queue.messages, queue.moreMessages]).toEqual([1, '2026-11-12T10:00:00Z', 1, '+'])
  await queue.lookFurther()
  expect([queue.rows.length, queue.further?.to]).toEqual([1, '2026-11-11T10:00:00Z'])
  await queue.lookFurther()
  expect([queue.rows.map((row) => row.key), queue.further, queue.messages, queue.moreMessages]).toEqual([['a', 'b'], undefined, 2, ''])
  expect(deliveries.mock.calls.map(([words]) => words.cursor ?? null)).toEqual([null, 'x', 'y'])
})

describe('the number above a search', () => {
  const found = (items: string[], total: number, next: string | null = null, back: string | null = null, isAtLeast = true) =>
    ({ items: items.map(mail), total_estimate: total, total_is_at_least: isAtLeast, next_cursor: next, looked_back_to: back }) as never
  const number = () => `${queue.messages}${queue.moreMessages}`
  const open = () => queue.open({ tab: 'all', group: 'none', department: '', person: '', q: 'often', assigned: '', message: '', narrowing: '' })

  test('grows as the list does, and is exact at its end', async () => {
    const pages = [found(['a', 'b'], 3, 'x'), found(['c', 'd'], 3, 'y'), found(['e'], 1, 'z', '2026-11-12T10:00:00Z'), found(['f'], 1)]
    vi.spyOn(api, 'deliveries').mockImplementation(() => Promise.resolve(pages.shift()!))
    const numbers = []
    for (const read of [open, () => queue.more(), () => queue.more(), () => queue.lookFurther()]) {
      await read()
      numbers.push(number())
    }
    expect(numbers).toEqual(['3+', '5+', '5+', '6'])
  })

  test.each([
    { about: 'the first page, where it sees no further', at: 0, again: found(['a', 'b'], 3, 'x'), says: '4' },
    { about: 'the first page, where more has come', at: 0, again: found(['a', 'b'], 5, 'x'), says: '5+' },
    { about: 'the first page, where it sees all', at: 0, again: found(['a', 'b'], 5, 'x', null, false), says: '5' },
    { about: 'the last page', at: 2, again: found(['c', 'd'], 2), says: '4' },
    { about: 'the last page, which has grown', at: 2, again: found(['c', 'd', 'e'], 3), says: '5' },
  ])('after a look at $about', async ({ at, again, says }) => {
    const pages = [found(['a', 'b'], 3, 'x'), found(['c', 'd'], 2), again]
    vi.spyOn(api, 'deliveries').mockImplementation(() => Promise.resolve(pages.shift()!))
    await open()
    await queue.more()
    expect(number()).toBe('4')
    await queue.look(at, at)
    expect(number()).toBe(says)
  })

  test('a group is opened whole, however often its search runs out of time', async () => {
    const ids = ['b', 'c', 'd']
    const pages = [...Array.from({ length: 8 }, (_, n) => found([], 0, `${n}`, '2026-11-12T10:00:00Z')), found(['b', 'x'], 2, 'l', '2026-11-11T10:00:00Z'), found(['c', 'd'], 2, 'm', '2026-11-10T10:00:00Z'), found([], 0)]
    const deliveries = vi.spyOn(api, 'deliveries').mockImplementation(() => Promise.resolve(pages.shift()!))
    const messages = await readGroup(group(...ids), { ...queue.view, q: 'often' })
    expect([messages.map(({ id }) => id), deliveries.mock.calls.length]).toEqual([ids, 10])
  })
})

test('what an item could not be done to is not stamped', async () => {
  vi.spyOn(api, 'decide').mockResolvedValue(made({ verb: 'purge', count: 3, done: 2, items: [{ delivery: 'c', outcome: 'out of reach' }] } as Partial<Decision>))
  await desk.decide({ verb: 'purge' }, [queue.rows[1]!])
  expect([marked().map(([id]) => id), desk.toast?.note]).toEqual([['b', 'd'], '1 of 3 could not be removed.'])
})

test('the selection', () => {
  queue.pick(['a'])
  queue.pick(['gb', 'e'], true)
  queue.pick(['a'])
  expect(queue.inHand.map((row) => row.key)).toEqual(['gb', 'e'])
  queue.markAs(['e'], { verb: 'release', blocked: false, by: '', at: '', decision: '', sure: true })
  queue.pickAll()
  expect([...queue.picked.keys()]).toEqual(['a', 'gb'])
})

describe('what is selected is what is acted on', () => {
  const children = ['b', 'c', 'd'].map((id) => rowOfDelivery(mail(id), 'gb'))
  const open = () => (queue.run = { ...queue.run, rows: [...queue.rows.slice(0, 2), ...children, queue.rows[2]!] })

  test('a group and a mail of it are each mail once', () => {
    open()
    queue.pick(['gb', 'gb/c', 'e'])
    expect(queue.countOf(queue.inHand)).toBe(4)
  })

  test('messages of a group that is closed are selected no longer', () => {
    open()
    queue.pick(['a', 'gb/b', 'gb/c'])
    queue.fold(queue.rows[1]!)
    expect([...queue.picked.keys()]).toEqual(queue.inHand.map((row) => row.key))
  })

  test('rows that the list has gone on from stay in hand', () => {
    queue.pick(['a', 'e'])
    queue.run = runAt({ rows: [rowOfDelivery(mail('z'))], next: null, prev: null }, {}, 900)
    queue.pick(['z'])
    expect(queue.inHand.map((row) => row.key)).toEqual(['z', 'a', 'e'])
  })

  test('the row of the cursor is selected also where the list has gone on from it', () => {
    queue.run = runAt({ rows: [rowOfDelivery(mail('z'))], next: null, prev: null }, {}, 900)
    queue.pick([queue.row!.key])
    expect([...queue.picked.keys()]).toEqual(['a'])
  })

  test('in another folder nothing is', async () => {
    vi.spyOn(api, 'triage').mockReturnValue(new Promise(() => undefined))
    queue.messages = 214
    queue.everything = true
    void queue.open({ ...queue.view, department: 'it' })
    expect([queue.everything, queue.inHand]).toEqual([false, []])
  })

  test('a purge leaves what was released of a group', () => {
    queue.markAs(['b'], { verb: 'release', blocked: false, by: '', at: '', decision: '', sure: true })
    const [these] = purgeScopesOf([queue.rows[1]!], queue.view, queue.isDecided)
    expect(these?.select).toEqual({ ids: ['c', 'd'] })
  })
})

describe('a long list', () => {
  // a million cards of which the server knows the place about: it takes what lies at 500,000 for what lies at 499,000
  const MILLION = 1_000_000
  const card = (n: number) => ({ key: String(n), lead: mail(String(n)), count: 1, people: 1, departments: 1, apart: 0, newest_at: '', risk: 10, time_limited_until: null, expires_at: null, requests: [], reports: [], ids: [String(n)], select: { ids: [String(n)] } })
  const asked: Record<string, unknown>[] = []
  let wrong = 0 // by so many the server errs
  let size = MILLION

  beforeEach(async () => {
    asked.length = wrong = 0
    size = MILLION
    vi.spyOn(api, 'deliveries').mockResolvedValue({ items: [], next_cursor: null, total_estimate: 0 } as never)
    vi.spyOn(api, 'triage').mockImplementation((words) => {
      asked.push(words)
      const limit = Number(words.limit)
      const position = Number(words.position ?? 0)
      const start = words.end ? size - limit : words.before ? Number(words.before) - limit : words.cursor ? Number(words.cursor) : words.at ? Number(words.at) : Math.max(0, position + (position && wrong))
      const [from, to] = [Math.max(0, start), Math.min(size, start + limit)]
      return Promise.resolve({
        items: Array.from({ length: to - from }, (_, index) => card(from + index)), next_cursor: to < size ? String(to) : null, previous_cursor: from ? String(from) : null,
        position: words.end ? from : words.cursor || words.before || words.at ? null : position, total_items: size, total_deliveries: size,
      } as never)
    })
    await queue.reload()
    asked.length = 0
  })

  const first = () => Number(queue.rows[0]!.key)

  test('is read upwards from its end, each page by the one below it', async () => {
    await queue.goTo(queue.total - 1)
    expect([queue.cursor, queue.position, queue.total]).toEqual(['999999', 999_999, MILLION])
    await vi.waitFor(() => expect(queue.loading).toBe(false))
    await queue.earlier()
    expect(asked.map(({ end, before, position }) => [end, before, position])).toEqual([[true, undefined, undefined], [undefined, '999950', undefined]])
    expect([first(), queue.run.before, queue.position]).toEqual([999_750, 999_750, 999_999])
    await queue.goTo(0)
    expect([queue.cursor, queue.position]).toEqual(['0', 0])
  })

  const decided = { verb: 'leave', blocked: false, by: '', at: '', decision: '', sure: true } as const

  test('a key at the seam goes on once the page beyond is here, unless the cursor went elsewhere', async () => {
    await queue.goTo(500_000)
    const top = first()
    queue.cursor = String(top)
    const up = queue.step(-1)
    expect(queue.cursor).toBe(String(top))
    await up
    expect(queue.cursor).toBe(String(top - 1))
    const bottom = Number(queue.rows.at(-1)!.key)
    queue.cursor = String(bottom)
    const down = queue.step(1)
    queue.cursor = String(bottom - 5)
    await down
    expect(queue.cursor).toBe(String(bottom - 5))
  })

  test.each([
    { keys: [1, 1], from: 'the bottom', to: 2 },
    { keys: [1, 1, 1], from: 'the bottom', to: 3 },
    { keys: [-1, -1], from: 'the top', to: -2 },
  ])('$keys at $from of what is here go as far as the keys say', async ({ keys, from, to }) => {
    await queue.goTo(500_000)
    const began = Number((from === 'the top' ? queue.rows[0]! : queue.rows.at(-1)!).key)
    queue.cursor = String(began)
    await Promise.all(keys.map((by) => queue.step(by)))
    expect(queue.cursor).toBe(String(began + to))
  })

  test('keys go as far as they say also where the list has gone on from the cursor', async () => {
    await queue.goTo(500_000)
    await queue.jump(0)
    expect(queue.at).toBe(-1)
    await Promise.all([queue.step(1), queue.step(1)])
    expect(queue.position).toBe(500_002)
  })

  test('a key at the seam waits for the page beyond it, whatever else is being read', async () => {
    await queue.goTo(500_000)
    queue.cursor = queue.rows.at(-1)!.key
    const began = Number(queue.cursor)
    await Promise.all([queue.earlier(), queue.step(1)])
    expect(queue.cursor).toBe(String(began + 1))
  })

  test('a key at the seam asks once where the page beyond it cannot be had', async () => {
    await queue.goTo(500_000)
    queue.cursor = queue.rows.at(-1)!.key
    const cards = vi.spyOn(api, 'triage').mockReset().mockRejectedValue(new Problem(503, 'Not now.'))
    await queue.step(1)
    expect([cards.mock.calls.length, queue.failure]).toEqual([1, 'Not now.'])
  })

  test.each([
    { status: 503, by: 'itself', again: () => queue.look() },
    { status: 0, by: 'itself', again: () => queue.look() },
    { status: 429, by: 'hand', again: () => queue.again() },
  ])('what could not be read ($status) is read by $by where it was wanted, and nothing is lost of the place or the selection', async ({ status, again }) => {
    await queue.goTo(500_000)
    const { cursor, run: { before, next } } = queue
    queue.pick([cursor])
    const cards = vi.spyOn(api, 'triage').mockRejectedValueOnce(new Problem(status, 'Not now.'))
    await queue.more()
    expect([queue.failure, queue.cursor]).toEqual(['Not now.', cursor])
    const here = queue.rows.length
    cards.mockClear()
    await again()
    expect(cards.mock.calls).toEqual([[expect.objectContaining(next!)]])
    expect([queue.failure, queue.cursor, queue.run.before, queue.picked.size]).toEqual(['', cursor, before, 1])
    expect(queue.rows.length).toBeGreaterThan(here)
  })

  test('what cannot be meant is not asked for again by itself', async () => {
    const cards = vi.spyOn(api, 'triage').mockRejectedValueOnce(new Problem(422, 'There is no such day.'))
    cards.mockClear()
    await queue.open({ ...queue.view, q: 'before:soon' })
    await queue.look()
    expect([queue.failure, cards.mock.calls.length]).toEqual(['There is no such day.', 1])
  })

  test('after the last decision of what is here the cursor goes on below, not back up', async () => {
    const bottom = queue.rows.length - 1
    queue.cursor = String(bottom)
    queue.markAs([String(bottom)], decided)
    queue.advance()
    await vi.waitFor(() => expect(queue.cursor).toBe(String(bottom + 1)))
  })

  test('is entered in its midst with one question', async () => {
    await queue.goTo(500_000)
    expect([queue.cursor, queue.position]).toEqual(['500000', 500_000])
    expect(asked.map(({ position }) => position)).toEqual([499_950])
    await queue.look()
    expect(asked.at(-1)!.at).toBe('499950')
  })

  test.each([
    { errs: 300, reads: 3, before: 200 }, // more lies above than was thought: there is room for it
    { errs: -300, reads: 2, before: 0 }, // less: the top is where the list ends
  ])('an estimate that errs by $errs is corrected at the top, and what is on screen is told to stay', async ({ errs, reads, before }) => {
    size = 2_000
    await queue.reload()
    wrong = errs
    await queue.jump(500)
    const began = queue.shifted
    const place = () => queue.run.before - first() // by how much positions are wrong
    const erred = place()
    for (let read = 0; read < reads; read++) await queue.earlier()
    expect(queue.run.before).toBe(before)
    expect(place()).toBe(erred + queue.shifted - began)
    while (queue.run.prev) await queue.earlier()
    expect([queue.run.before, first()]).toEqual([0, 0])
  })

  test('and at its end', async () => {
    size = 2_000
    await queue.reload()
    wrong = -300
    await queue.jump(1_800)
    while (queue.run.next) await queue.more()
    expect([queue.total, queue.run.before]).toEqual([size, first()])
  })
})

describe('a reading that is answered late', () => {
  const page = { items: [], total_deliveries: 0, total_items: 0, next_cursor: null, previous_cursor: null, position: 0 } as unknown as TriageItems

  test('keeps what was decided and selected since', async () => {
    const cards = later<TriageItems>()
    vi.spyOn(api, 'triage').mockReturnValue(cards.promise)
    vi.spyOn(api, 'decide').mockResolvedValue(made())
    const reading = queue.reload()
    await desk.decide({ verb: 'release' }, queue.inHand)
    queue.pick(['e'])
    cards.answer(page)
    await reading
    expect([marked(), [...queue.picked.keys()]]).toEqual([[['a', 'release', true]], ['e']])
  })

  test('of another folder counts nothing as new in this one', async () => {
    const counted = later<Deliveries>()
    queue.run = { ...queue.run, parts: [...queue.run.parts, queue.run.parts[0]!] }
    vi.spyOn(api, 'triage').mockResolvedValue(page)
    const asked = vi.spyOn(api, 'deliveries').mockReturnValue(counted.promise)
    const looking = queue.look()
    await vi.waitFor(() => expect(asked).toHaveBeenCalled())
    await queue.open({ ...queue.view, department: 'legal' })
    counted.answer({ items: [mail('x')] } as Deliveries)
    await looking
    expect(queue.fresh).toBe(0)
  })

  test('and has failed is no failure of the next folder', async () => {
    vi.spyOn(api, 'triage').mockRejectedValueOnce(new Problem(503, 'Not now.')).mockReturnValue(new Promise(() => undefined))
    await queue.reload()
    void queue.open({ ...queue.view, department: 'legal' })
    expect(queue.failure).toBe('')
  })
})

test('what changes while a page is read is looked at once that is here', async () => {
  const cards = vi.spyOn(api, 'triage')
  let answer: (page: TriageItems) => void = () => undefined
  const page = (...ids: string[]) => ({ items: ids.map((id) => ({ key: id, count: 1, ids: [id], select: {}, lead: mail(id), departments: [], people: 1 })), next_cursor: null, previous_cursor: null, total_items: ids.length, total_deliveries: ids.length, position: 0 }) as unknown as TriageItems
  cards.mockReturnValueOnce(new Promise((resolve) => (answer = resolve))).mockResolvedValue(page('n', 'a'))
  const reading = queue.reload()
  await queue.look()
  expect(cards).toHaveBeenCalledTimes(1)
  answer(page('a'))
  await reading
  await vi.waitFor(() => expect(queue.fresh).toBe(1))
  expect(cards).toHaveBeenCalledTimes(2)
})

test.each([
  ['verified=true', 3], // a filter: by the total
  ['sort=risk', 0], // an order alone: by the time, and nothing has come since
])('new rows outside what is read count too: %s', async (narrowing, fresh) => {
  const page = (total: number) => ({ items: [{ key: 'a', count: 1, ids: ['a'], select: {}, lead: mail('a'), departments: [], people: 1 }], next_cursor: 'n', previous_cursor: null, total_items: total, total_deliveries: total, position: 0 }) as unknown as TriageItems
  vi.spyOn(api, 'triage').mockResolvedValueOnce(page(500)).mockResolvedValue(page(503))
  vi.spyOn(api, 'deliveries').mockResolvedValue({ items: [] } as unknown as Deliveries)
  await queue.open({ ...queue.view, narrowing })
  await queue.look()
  expect(queue.fresh).toBe(fresh)
})

test('what was refused while another decision was on its way is told until somebody has read it', async () => {
  const [first, second] = [later<Decision>(), later<Decision>()]
  vi.spyOn(api, 'decide').mockReturnValueOnce(first.promise).mockReturnValueOnce(second.promise).mockResolvedValue(made())
  const both = [desk.decide({ verb: 'release' }, queue.inHand), desk.decide({ verb: 'purge' }, queue.inHand)]
  first.refuse(new Problem(403, 'Not yours.'))
  await both[0]
  second.answer(made())
  await both[1]
  expect(desk.refusal?.title).toBe('Not yours.')
  await desk.decide({ verb: 'release' }, queue.inHand)
  expect(desk.refusal).toBe(null)
})
