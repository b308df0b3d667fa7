// Reason for opening a confidential message. It counts until the page is left; the server logs each opening.
import { Problem, at } from '../api/client'
import { fetchLetter, letter } from './messageCache.svelte'
import type { Delivery } from '../schema/types'

let given = $state.raw<ReadonlyMap<string, string>>(new Map())

/** The reason that was given for a message, if any. */
export const reasonFor = (message: string): string | undefined => given.get(message)

/** Is the content of this message hidden until somebody says why? A copy in an open folder opens it too. */
export function keptBack(mail: Delivery): boolean {
  const got = letter(mail.message_id)
  const confidential = got && !(got instanceof Problem) ? got.confidential : mail.confidential
  return confidential && !given.has(mail.message_id)
}

/** The page that shows a message, or none while it is hidden or where it cannot be had. */
export const pageOf = (mail: Delivery, mode: 'html' | 'text'): string | null =>
  keptBack(mail) || letter(mail.message_id) instanceof Problem ? null : at.view(mail.message_id, mode, reasonFor(mail.message_id))

/** Sends the reason, and opens the message. */
export async function open(mail: Delivery, reason: string): Promise<void> {
  given = new Map([...given, [mail.message_id, reason]])
  await fetchLetter(mail.message_id, true, reason)
}
