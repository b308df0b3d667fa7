// Who is there to look: whether we are away ourselves, and folders that nobody looks at.
import { api } from './api'
import type { CoverNow } from './shapes'

const EVERY = 60_000 // milliseconds

class CoverStore {
  now = $state.raw<CoverNow | null>(null)

  load = async (): Promise<void> => {
    this.now = await api.cover().catch(() => this.now)
  }

  async away(until: Date | null): Promise<void> {
    await api.away(until ? until.toISOString() : null)
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
