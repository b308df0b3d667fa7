// Is somebody sitting here? What the console asks by itself must not keep a session awake (security.md, idle lock).

const RECENT = 10_000 // milliseconds after a key or a pointer in which requests count as the person's

let last = Date.now()

/** Milliseconds since the last key or pointer. */
export const sinceLastTouch = (): number => Date.now() - last

const here = (): void => void (last = Date.now())

for (const event of ['keydown', 'pointerdown', 'pointermove', 'wheel', 'touchmove']) {
  window.addEventListener(event, here, { capture: true, passive: true })
}

/** Headers that mark a request which no person caused. */
export const background = (): Record<string, string> => (Date.now() - last > RECENT ? { 'x-mailroom-background': '1' } : {})
