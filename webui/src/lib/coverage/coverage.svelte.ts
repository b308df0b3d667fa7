// Coverage: whether we are away ourselves, folders with nobody on duty, and whether an emergency is open.
import { t } from '../i18n/i18n'
import { api, problemOf } from '../api/client'
import { desk } from '../decisions/decisions.svelte'
import { isAway, onReturn } from '../browser/activity'
import { keep, kept } from '../browser/localStorage'
import { queue } from '../queue/queue.svelte'
import { live } from '../state/eventStream.svelte'
import { session } from '../state/session.svelte'
import type { Emergency, Coverage, Escalation, LargeRemoval } from '../schema/types'

const EVERY = 60_000 // milliseconds
const SELDOM = 5 // times that, while nobody sits here and nothing changes

class CoverStore {
  now = $state.raw<Coverage | null>(null)
  emergency = $state.raw<Emergency | null>(null)
  escalations = $state.raw<readonly Escalation[]>([]) // that nobody has confirmed

  #looked = $state.raw<Readonly<Record<string, string>>>({}) // by login: the newest large removal that they have looked at here

  get #seen(): string {
    const login = session.me?.login ?? ''
    return this.#looked[login] ?? kept(`removal.${login}`, '')
  }

  /** Large removals that others made and we have not looked at. */
  get removals(): readonly LargeRemoval[] {
    return this.now?.removals.filter((one) => !one.mine && one.decision > this.#seen) ?? []
  }

  /** We have looked at this one and the older ones; who else uses this browser has not. */
  looked(one: LargeRemoval): void {
    if (one.decision <= this.#seen) return
    const login = session.me?.login ?? ''
    this.#looked = { ...this.#looked, [login]: one.decision }
    keep(`removal.${login}`, one.decision)
  }

  /** Is there anything to tell below the bar on top? */
  get speaks(): boolean {
    return Boolean(this.emergency || this.now?.restored || this.now?.away_until || this.now?.uncovered.length || this.removals.length || this.escalations.some((one) => one.may_confirm))
  }

  load = async (): Promise<void> => {
    this.now = await api.cover().catch(() => this.now)
    this.emergency = await api.emergency().then(({ emergency }) => emergency, () => this.emergency)
    this.escalations = await api.escalations({ limit: 20 }).then(({ items }) => items, () => this.escalations)
  }

  async away(until: Date | null): Promise<void> {
    await api.away(until ? until.toISOString() : null)
    await this.load()
  }

  /** The duty has it. */
  async confirm(one: Escalation): Promise<void> {
    try {
      await api.confirmEscalation(one.id)
      desk.say(t('Confirmed by {duty}. The legal hold stays.', { duty: one.title }))
    } catch (thrown) {
      desk.say(problemOf(thrown).message)
    }
    void queue.look()
    await this.load()
  }

  /** The emergency is over: messages are held again. */
  async close(): Promise<void> {
    await api.closeEmergency()
    await this.load()
  }

  /** Look every minute; where nobody sits here and nothing has changed, every fifth. Returns how to end it. */
  begin(): () => void {
    let rested = SELDOM
    const look = () => {
      rested += 1
      if (document.hidden || (isAway() && rested < SELDOM)) return
      rested = 0
      void this.load()
    }
    look()
    const timer = setInterval(look, EVERY)
    const ends = [live.listen(() => (rested = SELDOM)), onReturn(() => rested && look())]
    return () => {
      clearInterval(timer)
      ends.forEach((end) => end())
    }
  }
}

export const cover = new CoverStore()
