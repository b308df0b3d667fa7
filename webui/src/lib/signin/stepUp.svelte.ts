// Acts that ask for the second factor once more: they wait for the dialog, then go on.
import { onFactorNeeded } from '../api/client'

class StepUp {
  asks = $state(false)
  #settle: (proven: boolean) => void = () => undefined

  /** Show the dialog; whether the second factor was given. */
  ask = (): Promise<boolean> => {
    this.answer(false)
    this.asks = true
    return new Promise((resolve) => (this.#settle = resolve))
  }

  answer(proven: boolean): void {
    this.asks = false
    this.#settle(proven)
  }
}

export const stepUp = new StepUp()

onFactorNeeded(stepUp.ask)
