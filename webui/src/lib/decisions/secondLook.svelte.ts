// Second look: the server says why a release is dangerous, and only a reader of that reason can confirm it.
import { problemOf } from '../api/client'
import type { Confirmed } from '../api/client'
import type { SecondLook } from '../schema/types'

/** What the sheet says beside the reasons: what would be done, its button, and what is said when it is not done. */
export interface Wording { title: string; act: string; kept: string }

interface Asking extends Wording { looks: readonly SecondLook[]; answer: (sure: boolean) => void }

class SecondLooks {
  now = $state.raw<Asking | null>(null)

  /** Do it; where that needs a second look the sheet is shown first, and null is what became of it when nobody confirmed. */
  async confirmed<T>(act: (said: Confirmed) => Promise<T>, wording: Wording, said: Confirmed = {}): Promise<T | null> {
    try {
      return await act(said)
    } catch (thrown) {
      const { look } = problemOf(thrown)
      if (!look) throw thrown
      return (await this.#ask(look.second_look, wording)) ? this.confirmed(act, wording, { confirm: look.names, fence: look.fence }) : null
    }
  }

  #ask(looks: readonly SecondLook[], wording: Wording): Promise<boolean> {
    this.now?.answer(false)
    return new Promise((resolve) => (this.now = { ...wording, looks, answer: (sure) => ((this.now = null), resolve(sure)) }))
  }
}

export const secondLooks = new SecondLooks()
