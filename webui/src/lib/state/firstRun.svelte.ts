// Is somebody new at this console? The strip with the first steps is shown until they close it; this browser remembers whose was closed.
import { keep, kept } from '../browser/localStorage'
import { session } from './session.svelte'

let here = $state.raw<readonly string[]>([]) // closed on this page, where the browser may keep nothing
const closed = (): string[] => [...kept('first-run', '').split(' '), ...here]

/** Whether the strip is shown to who is signed in: to those who decide. */
export const isFirstRun = (): boolean => {
  const login = session.me?.login ?? ''
  return session.may('release') && !closed().some((one) => one === login || one === '*')
}

/** They know their way. */
export function closeFirstRun(): void {
  here = [...here, session.me?.login ?? '']
  keep('first-run', [...new Set(closed())].filter(Boolean).join(' '))
}
