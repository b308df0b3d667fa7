// What both pages need: words, the link that is kept in this profile, and the API.

/** A sentence in the language of Thunderbird. */
export function say(name, ...parts) {
  return messenger.i18n.getMessage(name, parts)
}

/** Fills in the words of a page. */
export function fillWords() {
  document.documentElement.lang = messenger.i18n.getUILanguage()
  for (const place of document.querySelectorAll('[data-say]')) place.textContent = say(place.dataset.say)
}

/** The link: `origin` of Mailroom, `key`, `name` of its owner; null without one. */
export async function readLink() {
  const { link } = await messenger.storage.local.get('link')
  return link ?? null
}

/** Keep a link, or forget it (null). */
export async function keepLink(link) {
  await (link ? messenger.storage.local.set({ link }) : messenger.storage.local.remove('link'))
}

/** The origin that somebody typed; null unless it is https, or http on this machine. */
export function originOf(text) {
  const address = /^https?:/i.test(text.trim()) ? text.trim() : `https://${text.trim()}`
  if (!URL.canParse(address)) return null
  const { protocol, hostname, origin } = new URL(address)
  return protocol === 'https:' || hostname === '127.0.0.1' ? origin : null
}

/** What may be asked of Thunderbird for an origin: its host, and no other. */
export function hostsOf(origin) {
  const { protocol, hostname } = new URL(origin)
  return { origins: [`${protocol}//${hostname}/*`] }
}

/** Asks the API; the answer's `status` and `body`. Status 0: no answer. A key that works no more is forgotten. */
export async function ask(link, method, path, given) {
  const headers = { Authorization: `Bearer ${link.key}`, 'Accept-Language': messenger.i18n.getUILanguage() }
  if (given) Object.assign(headers, { 'Content-Type': 'application/json', 'Idempotency-Key': crypto.randomUUID() })
  try {
    const body = given && JSON.stringify(given)
    const answer = await fetch(`${link.origin}/api/v1${path}`, { method, headers, body, credentials: 'omit', redirect: 'error' })
    if (answer.status === 401 && (await readLink())?.key === link.key) await keepLink(null)
    return { status: answer.status, body: await answer.json().catch(() => ({})) }
  } catch {
    return { status: 0, body: {} }
  }
}

/** Why something was refused, in words. */
export function reasonOf({ status, body }) {
  if (status === 0) return say('noAnswer')
  if (status === 401) return say('linkOver')
  return body.detail || say('refused', String(status))
}
