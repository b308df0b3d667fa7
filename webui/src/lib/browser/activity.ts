// Whether somebody uses this console. Requests that the console makes by itself must not keep a session awake (security.md, idle lock).

const AWAY = 60_000 // milliseconds without a key or a pointer after which nobody sits here
const RECENT = 10_000 // milliseconds after a key or a pointer in which requests count as the person's

let last = Date.now()
const returns = new Set<() => void>()

/** Has nobody touched a key or the pointer for a minute? */
export const isAway = (): boolean => Date.now() - last > AWAY

/** Be told when somebody is back. Returns how to stop. */
export function onReturn(listener: () => void): () => void {
  returns.add(listener)
  return () => void returns.delete(listener)
}

function here(): void {
  const back = isAway()
  last = Date.now()
  if (back) returns.forEach((listener) => listener())
}

for (const event of ['keydown', 'pointerdown', 'pointermove', 'wheel', 'touchmove']) {
  window.addEventListener(event, here, { capture: true, passive: true })
}

/** Headers that mark a request which no person caused. */
export const background = (): Record<string, string> => (Date.now() - last > RECENT ? { 'x-mailroom-background': '1' } : {})
