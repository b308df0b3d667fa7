// The console's own files on this device: its page and its hashed files, kept by the service worker until somebody signs out.

/** What the build says of itself: a version, and the paths of its files. */
export interface Shell { readonly version: string; readonly files: readonly string[] }

const URL_OF_WORKER = '/sw.js'

interface Policies { createPolicy(name: string, rules: { createScriptURL: () => string }): { createScriptURL(input: string): string } }
const policies = (window as { trustedTypes?: Policies }).trustedTypes
const policy = policies?.createPolicy('mailroom-worker', { createScriptURL: () => URL_OF_WORKER })

/** The version that this page is of; empty where nothing was built. */
const versionOfPage = (): string => document.querySelector<HTMLMetaElement>('meta[name=version]')?.content ?? ''

/** Begin to keep the files; undefined where the browser keeps none. */
export async function keepShell(): Promise<ServiceWorkerRegistration | undefined> {
  if (!versionOfPage()) return undefined
  return await navigator.serviceWorker?.register(policy?.createScriptURL('') ?? URL_OF_WORKER).catch(() => undefined)
}

/** Is another version kept than this page is of? */
export async function isOutdated(): Promise<boolean> {
  const newest = (await caches.keys()).at(-1)
  return newest !== undefined && newest !== `shell-${versionOfPage()}`
}

/** Nothing of the console stays on this device. */
export async function forgetShell(): Promise<void> {
  if (!navigator.serviceWorker) return
  await Promise.all((await navigator.serviceWorker.getRegistrations()).map((one) => one.unregister()))
  await Promise.all((await caches.keys()).map((name) => caches.delete(name)))
}
