// What waits for a second person's key and concerns us.
import { api, problemOf } from './api'
import type { PendingAct } from './shapes'

class SecondKeys {
  items = $state.raw<PendingAct[]>([])
  failure = $state('')

  async load(): Promise<void> {
    try {
      this.items = (await api.secondKeys()).items
      this.failure = ''
    } catch (thrown) {
      this.failure = problemOf(thrown).message
    }
  }
}

export const secondKeys = new SecondKeys()
