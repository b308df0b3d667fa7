// A message's source as a file. Why there is none is said here: the browser would leave the console for the answer.
import { ask, problemOf, query } from '../api/client'
import { desk } from '../decisions/decisions.svelte'
import { reasonFor } from '../state/openReason.svelte'

const SAVED = 60_000 // milliseconds in which the browser has taken it over

/** The source of a message, as the server sends it. */
export const sourceOf = (message: string): Promise<Response> => ask('GET', `/messages/${message}/source${query({ reason: reasonFor(message) })}`)

export async function download(message: string): Promise<void> {
  try {
    const answer = await sourceOf(message)
    const href = URL.createObjectURL(await answer.blob())
    Object.assign(document.createElement('a'), { href, download: `${message}.eml` }).click()
    setTimeout(() => URL.revokeObjectURL(href), SAVED)
  } catch (thrown) {
    desk.say(problemOf(thrown).message)
  }
}
