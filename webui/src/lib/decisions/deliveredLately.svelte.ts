// Messages that a blocked sender delivered lately, offered once for removal through the normal removal sheet.
import { api } from '../api/client'
import { rowOfDelivery, type Row } from '../queue/row'
import type { DeliveredLately, Rule } from '../schema/types'

class Offer {
  now = $state.raw<DeliveredLately | null>(null)
  rows = $state.raw<readonly Row[]>([]) // what the sheet is about, while it is open

  /** Offer what a new block is about, if it is about anything. */
  say(found: DeliveredLately | null | undefined): void {
    if (found?.messages) this.now = found
  }

  /** Blocks were made along with a decision: of the first one whose sender delivered something. */
  async look(rules: readonly Rule[]): Promise<void> {
    for (const rule of rules.filter(({ effect }) => effect === 'block')) {
      const found = await api.deliveredLately(rule.id).catch(() => null)
      if (found?.messages) return this.say(found)
    }
  }

  /** Open the removal sheet for it. */
  async open(): Promise<void> {
    const example = this.now?.select && (await api.preview(this.now.select)).examples[0]
    if (example) this.rows = [rowOfDelivery(example)]
    else this.drop()
  }

  drop(): void {
    this.now = null
    this.rows = []
  }
}

export const offer = new Offer()
