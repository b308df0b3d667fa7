// Is somebody new at this console? The strip with the first steps is shown until they close it; this browser remembers whose was closed.
import { keep, kept } from '../browser/localStorage'
import { session } from './session.svelte'

const closed = (): string[] => kept('first-run', '').split(' ')
let now = $state(0) // changes when it is closed here

/** Whether the strip is shown to who is signed in: to those who decide. */
export const isFirstRun = (): boolean => {
  void now
  const login = session.me?.login ?? ''
  return session.may('release') && !closed().some((one) => one === login || one === '*')
}

/** They know their way. */
export function closeFirstRun(): void {
  keep('first-run', [...closed().filter(Boolean), session.me?.login ?? ''].join(' '))
  now += 1
}
