// Who else sits at a console and what they look at; ours is told every few seconds. Nothing is locked by it.
import { api } from '../api/client'
import { live } from '../state/eventStream.svelte'
import { sinceLastTouch } from '../browser/activity'
import type { Row } from './row'
import { session } from '../state/session.svelte'
import type { OtherHere } from '../schema/types'
import { inTurns } from '../browser/coalesce'

const EVERY = 5_000 // milliseconds; the server forgets us after fifteen seconds
const AFTER = 400 // milliseconds that the cursor rests before others are told
const LATE = 1_000 // milliseconds that are waited for what is being told
const QUIET = 8_000 // milliseconds that nothing is told at most: then others would take us for gone
const AWAY = 60_000 // milliseconds without a key or a pointer after which we look at nothing

const after = (milliseconds: number) => new Promise<void>((done) => setTimeout(done, milliseconds))

class Colleagues {
  others = $state.raw<readonly OtherHere[]>([])
  handed = $state(0)
  #looking: string | null = null
  #soon = 0
  #telling: Promise<unknown> = Promise.resolve()
  #quiet = 0

  /** We look at this delivery now; null: at none. */
  lookAt(delivery: string | null): void {
    if (delivery === this.#looking) return
    this.#looking = delivery
    this.#later()
  }

  #later(): void {
    clearTimeout(this.#soon)
    this.#soon = window.setTimeout(() => void this.#tell(), AFTER)
  }

  /** A server that takes its time is not asked again meanwhile: unanswered questions would take every connection that the browser has to it. */
  #tell = inTurns(async () => {
    if (this.#quiet) return this.#later()
    const away = document.hidden || session.locked || live.state === 'offline'
    const asked = away ? null : api.presence(sinceLastTouch() > AWAY ? null : this.#looking).catch(() => null)
    this.#telling = Promise.resolve(asked)
    const told = await asked
    this.others = told?.colleagues ?? [] // who is not told of any more may be gone
    this.handed = told?.assigned ?? this.handed
  })

  /** While we are given another card nothing is told of the one before: a word that came late would leave to others what we were given. */
  async quietly(work: () => Promise<void>): Promise<void> {
    this.#quiet += 1
    const given = Promise.race([this.#telling, after(LATE)]).then(work)
    await Promise.race([given, after(QUIET)]).finally(() => (this.#quiet -= 1))
  }

  /** Who else looks at this row. */
  at = (row: Row): OtherHere[] => this.others.filter((one) => one.delivery !== null && row.ids.includes(one.delivery))

  /** Is this row somebody else's just now: in their hands, or handed to them? */
  isOthers = (row: Row): boolean => this.at(row).length > 0 || (row.lead.assigned !== null && row.lead.assigned.to !== session.me?.login)

  /** Begin; returns how to end it. */
  begin(): () => void {
    void this.#tell()
    const timer = setInterval(() => void this.#tell(), EVERY)
    return () => {
      clearInterval(timer)
      clearTimeout(this.#soon)
      this.others = []
    }
  }
}

export const colleagues = new Colleagues()
