// Messages already read, newest 60, so that going back to one is instant.
import { api, Problem, problemOf } from '../api/client'
import type { Message } from '../schema/types'

const CAP = 60
let read = $state.raw<ReadonlyMap<string, Message | Problem>>(new Map())
const asked = new Map<string, string | undefined>() // what is on its way, with the reason that was given

/** The message, the problem in getting it, or nothing yet. Pure: see `fetchLetter`. */
export const letter = (id: string): Message | Problem | undefined => read.get(id)

/** What could not be had because nobody answered is requested again. */
export async function fetchLetter(id: string, again = false, reason?: string): Promise<void> {
  const known = read.get(id)
  if ((asked.has(id) && (reason === undefined || asked.get(id) === reason)) || (known && !again && !(known instanceof Problem && known.passes))) return
  asked.set(id, reason)
  const got = await api.message(id, reason).catch(problemOf)
  if (!asked.has(id) || asked.get(id) !== reason) return // requested again since, with a reason
  asked.delete(id)
  const others = [...read].filter(([other]) => other !== id)
  read = new Map([...others.slice(-CAP + 1), [id, got]])
}
