// What the queue asks first goes out while the rest of the console is still on its way: who we are, and the first rows of all folders.
import { kept } from '../browser/localStorage'

export const BASE = '/api/v1'
/** Rows of a first page: more than a screen shows. */
export const FIRST = 50

const early = new Map<string, Promise<Response>>()

function ask(path: string): void {
  const answer = fetch(BASE + path, { headers: kept('language', '') ? { 'accept-language': kept('language', '') } : {}, credentials: 'same-origin' })
  answer.catch(() => undefined) // whoever takes it hears of it
  early.set(path, answer)
}

/** The answer to a question that went out by itself; each is taken once. */
export function takeEarly(path: string): Promise<Response> | undefined {
  const answer = early.get(path)
  early.delete(path)
  return answer
}

/** Nobody has signed in: what went out is of no use. */
export const forget = (): void => early.clear()

/** How somebody groups their rows, where this browser knows it. */
function grouping(): string {
  try {
    return JSON.parse(kept('choices', 'null')).group ?? 'campaign'
  } catch {
    return '' // nobody was here before
  }
}

if (location.pathname !== '/ask') {
  ask('/me')
  if (location.pathname + location.search === '/' && grouping()) ask(`/triage?group=${grouping()}&state=held&limit=${FIRST}`)
}
