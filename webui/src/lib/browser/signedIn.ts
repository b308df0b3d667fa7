// The window in which a provider signs somebody in again: it says that it is done, and closes.

export const SIGNED_IN = 'signed-in' // the channel
export const SIGNED_IN_PATH = '/signed-in'

export function endSignInWindow(): void {
  if (location.pathname !== SIGNED_IN_PATH) return
  new BroadcastChannel(SIGNED_IN).postMessage('')
  close()
  history.replaceState(null, '', '/') // a window that nobody may close goes on as the console
}
