// State of the employees' page: own messages, typed text, requests and expected senders.
import { t } from '../i18n/i18n'
import { call, freshKey, problemOf, query } from '../api/client'
import type { ExpectedSender, OwnMessage, OwnMessages } from '../schema/types'
import { serverInstant } from '../browser/serverTime'

const read = (words: { message?: string; cursor?: string | null }) => call<OwnMessages>('GET', `/me/messages${query(words)}`)
const once = () => ({ 'idempotency-key': freshKey() })

class Own {
  mine = $state.raw<OwnMessages | null>(null)
  known = $state(false) // whether somebody has signed in
  failure = $state('')
  wanted = $state('') // the message that they came for, or were requesting when their session ended
  words = $state<Record<string, string>>({}) // comments that were typed, by the message's id
  busy = $state<Record<string, boolean>>({}) // what waits for its answer
  said = $state<Record<string, string>>({}) // why something was not done
  #visit = 0 // another one after each sign-out: what was asked for before is not shown any more

  async load(): Promise<void> {
    const visit = this.#visit
    try {
      const found = await read(this.wanted ? { message: this.wanted } : {})
      if (visit !== this.#visit) return
      this.mine = { ...found, items: found.items.toSorted((one, other) => Number(other.id === this.wanted) - Number(one.id === this.wanted)) }
      this.failure = ''
    } catch (thrown) {
      if (visit === this.#visit) this.#out(thrown, '')
    }
    this.known = true
  }

  /** Back to the sign-in; what was typed stays. */
  #out(thrown: unknown, why: string): void {
    const problem = problemOf(thrown)
    this.mine = null
    this.failure = problem.status === 401 ? why : problem.message
  }

  async signIn(login: string, password: string): Promise<void> {
    await call('POST', '/me/session', { login, password })
    await this.load()
  }

  /** Whoever signs in next, here, finds nothing that was typed. A session that could not be ended is not said to be over. */
  async signOut(): Promise<boolean> {
    try {
      await call('DELETE', '/me/session')
    } catch (thrown) {
      const problem = problemOf(thrown)
      if (problem.status !== 401) this.said.leave = problem.message
      if (problem.status !== 401) return false
    }
    this.#visit += 1
    this.mine = null
    this.failure = ''
    ;[this.words, this.busy, this.said] = [{}, {}, {}]
    return true
  }

  /** One deed of this name at a time; was it done? */
  async #act<T>(name: string, deed: () => Promise<T>, take: (answer: T, mine: OwnMessages) => Partial<OwnMessages>): Promise<boolean> {
    if (this.busy[name]) return false
    const visit = this.#visit
    this.busy[name] = true
    this.said[name] = ''
    let done = false
    try {
      const answer = await deed()
      done = visit === this.#visit && this.mine !== null
      if (done) this.mine = { ...this.mine!, ...take(answer, this.mine!) }
    } catch (thrown) {
      if (visit === this.#visit) this.#refused(name, thrown)
    }
    if (visit === this.#visit) this.busy[name] = false
    return done
  }

  #refused(name: string, thrown: unknown): void {
    const problem = problemOf(thrown)
    if (problem.status !== 401) return void (this.said[name] = problem.message)
    if (this.mine?.items.some((one) => one.id === name)) this.wanted = name
    this.#out(thrown, t('You were signed out after an hour. Sign in again. Your text is still here.'))
  }

  /** The next page of what waits, or of what was taken away. */
  more(which: 'held' | 'removed'): Promise<boolean> {
    const next = `more_${which}` as const
    return this.#act(next, () => read({ cursor: this.mine?.[next] ?? null }), (page, mine) => {
      const known = new Set(mine.items.map((one) => one.id))
      return { items: [...mine.items, ...page.items.filter((one) => !known.has(one.id))], [next]: page[next] }
    })
  }

  /** Requests a message. The list keeps its order while somebody reads it. */
  ask({ id }: OwnMessage): Promise<boolean> {
    const asked = () => call('POST', '/me/requests', { delivery: id, comment: (this.words[id] ?? '').trim() }, once())
    return this.#act(id, asked, (_, mine) => ({ items: mine.items.map((one) => (one.id === id ? { ...one, asked_at: serverInstant() } : one)) }))
  }

  expect(sender: string): Promise<boolean> {
    return this.#act('expect', () => call('POST', '/me/expected-senders', { sender }, once()).then(() => read({})), ({ expected }) => ({ expected }))
  }

  handOut(for_whom: string, until: string | null): Promise<boolean> {
    return this.#act('expect', () => call('POST', '/me/code-words', { for_whom, until }, once()).then(() => read({})), ({ expected }) => ({ expected }))
  }

  expectNoMore({ id }: ExpectedSender): Promise<boolean> {
    return this.#act('expect', () => call('DELETE', `/me/expected-senders/${id}`), (_, mine) => ({ expected: mine.expected.filter((one) => one.id !== id) }))
  }

  /** Whether they want the daily digest. */
  want(wanted: boolean): Promise<boolean> {
    return this.#act('digest', () => call('PUT', '/me/digest', { wanted }), () => ({ digest: wanted }))
  }
}

export const own = new Own()
