// Who else sits at a console and what they look at; ours is told every few seconds. Nothing is locked by it.
import { api } from '../api/client'
import { live } from '../state/eventStream.svelte'
import { isAway, onReturn } from '../browser/activity'
import type { Row } from './row'
import { session } from '../state/session.svelte'
import type { OtherHere } from '../schema/types'
import { inTurns } from '../browser/coalesce'

const EVERY = 5_000 // milliseconds; the server forgets what we look at after fifteen seconds
const SELDOM = 60_000 // milliseconds while nobody sits here; the server forgets who looks at nothing after ninety seconds
const AFTER = 400 // milliseconds that the cursor rests before others are told
const LATE = 1_000 // milliseconds that are waited for what is being told
const QUIET = 8_000 // milliseconds that nothing is told at most: then others would take us for gone

const after = (milliseconds: number) => new Promise<void>((done) => setTimeout(done, milliseconds))

class Colleagues {
  others = $state.raw<readonly OtherHere[]>([])
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
    const gone = document.hidden || session.locked || live.state === 'offline'
    const asked = gone ? null : api.presence(isAway() ? null : this.#looking).catch(() => null)
    this.#telling = Promise.resolve(asked)
    const told = await asked
    this.others = told?.colleagues ?? [] // who is not told of any more may be gone
  })

  /** Nothing is sent about the row before while the server gives us another: a late request would leave the new row to others. */
  async quietly(work: () => Promise<void>): Promise<void> {
    this.#quiet += 1
    const given = Promise.race([this.#telling, after(LATE)]).then(work)
    await Promise.race([given, after(QUIET)]).finally(() => (this.#quiet -= 1))
  }

  /** Who else looks at this row. */
  at = (row: Row): OtherHere[] => this.others.filter((one) => one.delivery !== null && row.ids.includes(one.delivery))

  /** Is this row somebody else's just now: in their hands, or assigned to them? */
  isOthers = (row: Row): boolean => this.at(row).length > 0 || (row.lead.assigned !== null && row.lead.assigned.to !== session.me?.login)

  /** Begin; returns how to end it. */
  begin(): () => void {
    void this.#tell()
    let seldom = 0 // when it was told last that nobody sits here; 0: somebody does
    const timer = setInterval(() => {
      if (isAway() && Date.now() - seldom < SELDOM) return
      seldom = isAway() ? Date.now() : 0
      void this.#tell()
    }, EVERY)
    const deaf = onReturn(() => void this.#tell())
    return () => {
      clearInterval(timer)
      deaf()
      clearTimeout(this.#soon)
      this.others = []
    }
  }
}

export const colleagues = new Colleagues()
