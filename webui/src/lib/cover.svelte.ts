// Who is there to look: whether we are away ourselves, folders that nobody looks at, and whether the door stands open because of that.
import { api } from './api'
import type { Alarm, CoverNow } from './shapes'

const EVERY = 60_000 // milliseconds

class CoverStore {
  now = $state.raw<CoverNow | null>(null)
  alarm = $state.raw<Alarm | null>(null)

  /** Is there anything to tell below the bar on top? */
  get speaks(): boolean {
    return Boolean(this.alarm || this.now?.restored || this.now?.away_until || this.now?.alarm.length)
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
