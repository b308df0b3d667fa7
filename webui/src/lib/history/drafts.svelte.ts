// Comments that are being written. They outlive their field, and stay with the copy that they were begun about when newer copies come in.
import { writing } from '../keyboard/writing.svelte'
import type { Row } from '../queue/row'
import type { Delivery } from '../schema/types'

interface Draft { readonly row: string; readonly mail: Delivery; readonly text: string }

class Drafts {
  #all = $state.raw<readonly Draft[]>([])

  #of = (row: Row): Draft | undefined => this.#all.find((one) => one.row === row.key || row.ids.includes(one.mail.id))

  textOf = (row: Row): string => this.#of(row)?.text ?? ''

  /** The copy that a comment is about: the newest one, unless the comment was begun before that came. */
  about = (row: Row): Delivery => this.#of(row)?.mail ?? row.lead

  write(row: Row, text: string): void {
    const mine = this.#of(row)
    const others = this.#all.filter((one) => one !== mine)
    this.#all = text || writing.on ? [...others, { row: row.key, mail: mine?.mail ?? row.lead, text }] : others
  }

  begin(row: Row): void {
    writing.on = true
    this.write(row, this.textOf(row))
  }

  /** The field was left: what was typed stays. */
  leave(): void {
    writing.on = false
    this.#all = this.#all.filter((one) => one.text)
  }
}

export const drafts = new Drafts()
