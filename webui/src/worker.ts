// The service worker: keeps the console's page and its hashed files on this device, so that a version stays whole while it is used, and a
// start without a connection has a page. Answers of the API never pass through it.
import type { Shell } from './lib/browser/shellCache' // only a type: this file stands alone

declare const SHELL: Shell // in front of this file, put there by the build

interface Lasting extends Event { waitUntil(work: Promise<unknown>): void }
interface Fetching extends Lasting { readonly request: Request; respondWith(answer: Promise<Response>): void }
interface Installing extends Lasting { addRoutes?(rule: { condition: { urlPattern: string }; source: 'network' }): Promise<void> }
interface Clicked extends Lasting { readonly notification: Notification }
interface Pushed extends Lasting { readonly data: { json(): { readonly text: string } } | null }
interface Window { focus(): Promise<unknown> }
interface Worker extends EventTarget {
  readonly registration: ServiceWorkerRegistration
  readonly clients: { claim(): Promise<void>; matchAll(of: { type: 'window' }): Promise<readonly (Window & { readonly url: string })[]>; openWindow(url: string): Promise<unknown> }
  skipWaiting(): Promise<void>
}

const worker = self as unknown as Worker
const NAME = `shell-${SHELL.version}`
const KEPT = 2 // versions: this one, and the one that other windows may still show
const PAGE = '/'
const on = <T extends Event>(name: string, listener: (event: T) => void) => worker.addEventListener(name, listener as EventListener)

on<Installing>('install', (event) => {
  event.waitUntil(event.addRoutes?.({ condition: { urlPattern: '/api/*' }, source: 'network' }).catch(() => undefined) ?? Promise.resolve())
  event.waitUntil(keepShell())
})

on<Lasting>('activate', (event) => event.waitUntil(Promise.all([dropOld(), worker.clients.claim()])))

on('message', () => void worker.skipWaiting())

on<Fetching>('fetch', (event) => {
  const { method, mode, url } = event.request
  const { origin, pathname } = new URL(url)
  if (method !== 'GET' || origin !== location.origin || pathname.startsWith('/api')) return
  if (mode === 'navigate' && pathname !== '/ask') event.respondWith(freshPage(event.request))
  else if (pathname.startsWith('/assets/')) event.respondWith(caches.match(pathname).then((found) => found ?? fetch(event.request)))
})

on<Clicked>('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(showConsole())
})

// The text comes from our server, encrypted for this browser alone: that something cannot wait, and nothing of a message.
on<Pushed>('push', (event) => {
  event.waitUntil(worker.registration.showNotification('Mailroom', { body: event.data?.json().text ?? '', tag: 'mailroom', icon: '/icon-192.png' }))
})

/** The window that is open already, or a new one. Nothing is lost in it: it stays where it is. */
async function showConsole(): Promise<void> {
  const open = (await worker.clients.matchAll({ type: 'window' })).find(({ url }) => new URL(url).pathname !== '/ask')
  await (open ? open.focus() : worker.clients.openWindow(PAGE))
}

/** All of this version or nothing: a page of another version, or of a proxy that asks who is there, is not kept. */
async function keepShell(): Promise<void> {
  await caches.delete(NAME) // so that it is the newest of all
  const page = await fetch(PAGE, { redirect: 'error', cache: 'no-store' })
  if (!page.ok || !(await page.clone().text()).includes(SHELL.version)) throw new Error('another version is served by now')
  const cache = await caches.open(NAME)
  await cache.addAll([...SHELL.files])
  await cache.put(PAGE, page)
}

async function dropOld(): Promise<void> {
  const names = await caches.keys()
  await Promise.all(names.slice(0, -KEPT).map((name) => caches.delete(name)))
}

/** The server's page; the kept one where no server answers. */
async function freshPage(request: Request): Promise<Response> {
  const answer = await fetch(request).catch(() => null)
  if (answer && answer.status < 500) return answer
  return (await caches.match(PAGE, { cacheName: NAME })) ?? answer ?? Response.error()
}
