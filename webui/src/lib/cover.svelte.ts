// Who is there to look: whether we are away ourselves, folders that nobody looks at, and whether the door stands open because of that.
import { api } from './api'
import { keep, kept } from './kept'
import type { Alarm, CoverNow, LargeRemoval } from './shapes'

const EVERY = 60_000 // milliseconds

class CoverStore {
  now = $state.raw<CoverNow | null>(null)
  alarm = $state.raw<Alarm | null>(null)
  #seen = $state(kept('removal', '')) // the newest large removal that was looked at here

  /** Large removals that others made and nobody has looked at here. */
  get removals(): readonly LargeRemoval[] {
    return this.now?.removals.filter((one) => !one.mine && one.decision > this.#seen) ?? []
  }

  /** This one and the older ones are looked at. */
  looked(one: LargeRemoval): void {
    if (one.decision > this.#seen) keep('removal', (this.#seen = one.decision))
  }

  /** Is there anything to tell below the bar on top? */
  get speaks(): boolean {
    return Boolean(this.alarm || this.now?.restored || this.now?.away_until || this.now?.alarm.length || this.removals.length)
  }

  load = async (): Promise<void> => {
    this.now = await api.cover().catch(() => this.now)
    this.alarm = await api.emergency().then(({ alarm }) => alarm, () => this.alarm)
  }

  async away(until: Date | null): Promise<void> {
    await api.away(until ? until.toISOString() : null)
    await this.load()
  }

  /** The emergency is over: the door is closed again. */
  async close(): Promise<void> {
    await api.closeEmergency()
    await this.load()
  }

  /** Look now and then; returns how to end it. */
  begin(): () => void {
    void this.load()
    const timer = setInterval(() => !document.hidden && void this.load(), EVERY)
    return () => clearInterval(timer)
  }
}

export const cover = new CoverStore()
