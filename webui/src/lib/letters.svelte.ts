// Messages already read, newest 60, so that going back to one is instant.
import { SvelteMap } from 'svelte/reactivity'
import { api, problemOf, type Problem } from './api'
import type { Message } from './shapes'

const CAP = 60
const read = new SvelteMap<string, Message | Problem>()
const asked = new Set<string>()

/** The message, the problem in getting it, or nothing yet. Pure: see `fetchLetter`. */
export const letter = (id: string): Message | Problem | undefined => read.get(id)

export async function fetchLetter(id: string, again = false, reason?: string): Promise<void> {
  if (asked.has(id) || (read.has(id) && !again)) return
  asked.add(id)
  try {
    read.set(id, await api.message(id, reason))
  } catch (thrown) {
    read.set(id, problemOf(thrown))
  }
  asked.delete(id)
  if (read.size > CAP) read.delete(read.keys().next().value!)
}
