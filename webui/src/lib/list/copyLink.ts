// The address of a message, for a comment, a chat or a ticket.
import { t } from '../i18n/i18n'
import { desk } from '../decisions/decisions.svelte'
import { messageAddress } from '../browser/location.svelte'

/** The clipboard is for pages with TLS only; on others the way that browsers had before. */
async function write(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const field = Object.assign(document.createElement('textarea'), { value: text })
    const before = document.activeElement as HTMLElement | null
    document.body.append(field)
    field.select()
    const done = document.execCommand('copy')
    field.remove()
    before?.focus({ preventScroll: true })
    return done
  }
}

/** Copy the link of a message; where that is not let happen, it is shown instead. */
export async function copyLink(message: string): Promise<void> {
  const address = location.origin + messageAddress(message)
  desk.say((await write(address)) ? t('Copied the link to this message.') : t('The browser refused to copy. Copy this link yourself: {address}', { address }))
}
