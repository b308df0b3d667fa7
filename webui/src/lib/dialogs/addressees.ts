// Order of the recipients that the directory finds for a typed text.
import type { Recipient } from '../schema/types'

const SHARED = 4 // departments and lists beside people
const MOST = 8

/** The name, and the code, uid or address behind "department:" and the like. */
const namesOf = (one: Recipient): string[] => [one.name, one.to.slice(one.to.indexOf(':') + 1)].map((name) => name.toLowerCase())

/** What is called exactly so, then what many people share and begins so, then people: "fin" is Finance, and nobody whose name begins so. */
function rank(one: Recipient, asked: string): number {
  const names = namesOf(one)
  if (names.includes(asked)) return 0
  if (one.kind === 'person') return 2
  return asked && names.some((name) => name.startsWith(asked)) ? 1 : 3
}

/** Those who are offered, the one that is meant first. */
export function ranked(found: readonly Recipient[], typed: string): Recipient[] {
  const asked = typed.trim().toLowerCase()
  const sorted = [...found].sort((one, other) => rank(one, asked) - rank(other, asked))
  const shared = sorted.filter((one) => one.kind !== 'person').slice(0, SHARED)
  const people = sorted.filter((one) => one.kind === 'person').slice(0, MOST - shared.length)
  return sorted.filter((one) => shared.includes(one) || people.includes(one))
}
