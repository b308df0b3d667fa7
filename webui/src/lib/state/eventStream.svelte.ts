// The stream of changes: tells listeners that something was committed, and says whether the server can be reached.
import { api, at, problemOf } from '../api/client'
import { session } from './session.svelte'
import { inTurns } from '../browser/coalesce'

class Live {
  state = $state<'starting' | 'live' | 'offline'>('starting')
  unsaved = $state('')
  #stream: EventSource | null = null
  #listeners = new Set<() => void>()
  #soon = 0
  #again = 0
  #unseen: (() => void) | null = null // who is told while the page is hidden

  /** Be told, at most three times a second and not before what was done about it has ended, that something changed. Returns how to stop. */
  listen(listener: () => unknown): () => void {
    const told = inTurns(listener)
    this.#listeners.add(told)
    return () => this.#listeners.delete(told)
  }

  /** Be told of changes while the page is hidden, which keeps its connection then. Returns how to stop. */
  listenHidden(listener: () => void): () => void {
    this.#unseen = listener
    return () => void (this.#unseen = null)
  }

  #change = (): void => {
    if (document.hidden) return this.#unseen?.()
    if (this.#soon) return
    this.#soon = window.setTimeout(() => {
      this.#soon = 0
      this.#listeners.forEach((listener) => listener())
    }, 350)
  }

  #open = (): void => {
    this.#stream?.close()
    if (document.hidden && !this.#unseen) return
    const stream = new EventSource(at.events())
    this.#stream = stream
    stream.onopen = () => this.reached()
    stream.onerror = () => void this.#look(stream)
    stream.addEventListener('change', this.#change)
  }

  async #look(stream: EventSource): Promise<void> {
    if (stream !== this.#stream || (document.hidden && !this.#unseen)) return
    try {
      const { login } = await api.me()
      if (login !== session.me?.login) return session.lost() // somebody else has signed in beside us: nothing of ours is sent in their name
      this.state = 'starting'
    } catch (thrown) {
      if (problemOf(thrown).status === 401) return session.lost()
      this.state = 'offline'
    }
    clearTimeout(this.#again)
    if (stream.readyState === EventSource.CLOSED) this.#again = window.setTimeout(this.#open, 3_000)
  }

  /** The server answered: what was out of date is asked for again. */
  reached(): void {
    const back = this.state === 'offline'
    this.state = 'live'
    if (back) this.#change()
  }

  /** A request got no answer; `what` says in words what was not saved. */
  unreachable(what: string): void {
    this.state = 'offline'
    this.unsaved = what
    this.#open()
  }

  #visible = (): void => {
    if (document.hidden) return this.#unseen ? undefined : this.#stream?.close()
    this.#open()
    this.#change()
  }

  /** Begin listening; returns how to end it. A hidden page gives its connection back, unless somebody wants to be notified. */
  begin(): () => void {
    this.#open()
    document.addEventListener('visibilitychange', this.#visible)
    return () => {
      document.removeEventListener('visibilitychange', this.#visible)
      clearTimeout(this.#again)
      this.#stream?.close()
      this.#stream = null
    }
  }
}

export const live = new Live()
