// Web push to this browser: subscribes at its maker's server with our server's key, and tells ours where that is.
import { call } from '../api/client'
import { keep, kept } from '../browser/localStorage'
import type { WebPush } from '../schema/types'

export const askWebPush = (): Promise<WebPush> => call<WebPush>('GET', '/web-push')

const worker = (): Promise<ServiceWorkerRegistration | undefined> => navigator.serviceWorker?.getRegistration() ?? Promise.resolve(undefined)

/** Does this browser know web push? On a connection that is not encrypted it knows none. */
export const canSubscribe = (): boolean => isSecureContext && 'PushManager' in window && 'serviceWorker' in navigator

const CHOSEN = (login: string): string => `push.${login}` // in this browser, by this person

/** At the start: a subscription of our own is of this session from now on; one of whoever used this browser before ends. */
export async function keepSubscription(login: string): Promise<void> {
  const before = await (await worker())?.pushManager?.getSubscription()
  if (!before) return
  if (kept(CHOSEN(login), '')) await subscribe(encode(before.options.applicationServerKey), login)
  else await before.unsubscribe()
}

/** Subscribe this browser, for this login. */
export async function subscribe(key: string, login: string): Promise<void> {
  const manager = (await navigator.serviceWorker.ready).pushManager
  const before = await manager.getSubscription()
  if (before && encode(before.options.applicationServerKey) !== key) await before.unsubscribe() // our server has another key by now
  const { endpoint, keys } = (await manager.subscribe({ userVisibleOnly: true, applicationServerKey: key })).toJSON()
  await call('PUT', '/web-push', { endpoint, p256dh: keys?.p256dh, auth: keys?.auth })
  keep(CHOSEN(login), '1')
}

/** The server is told first: what the browser forgets by itself costs one push that nobody takes. */
export async function unsubscribe(login: string): Promise<void> {
  keep(CHOSEN(login), '')
  await call('DELETE', '/web-push')
  await (await (await worker())?.pushManager.getSubscription())?.unsubscribe()
}

/** Base64url without padding. */
function encode(bytes: ArrayBuffer | null): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes ?? new ArrayBuffer(0)))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}
