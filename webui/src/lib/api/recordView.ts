// Messages that were on the screen: the audit log says who viewed them. Messages read ahead do not count.
import { call, problemOf } from './client'

/** Milliseconds on the screen that make a view: what a held key passes is none. */
const DWELL = 250
const AGAIN = 10_000 // milliseconds until it is sent again to a server that did not answer
const TRIES = 60

/** What the server is told. */
export const viewed = {
  message: (id: string) => call<void>('POST', `/messages/${id}/viewed`),
  training: (message: string) => call<void>('POST', `/training/messages/${encodeURIComponent(message)}/viewed`),
}

/** The address of a view that is read before anybody asked for it. */
export const ahead = (view: string): string => `${view}&ahead=true`

/** Tells whether an element is on the screen, now and whenever that changes; ends with the function that it returns. */
export function watch(node: Element, tell: (on: boolean) => void): () => void {
  let within = node.checkVisibility()
  const say = () => tell(within && document.visibilityState === 'visible')
  const observer = new IntersectionObserver((seen) => {
    within = seen.at(-1)!.isIntersecting
    say()
  })
  observer.observe(node)
  document.addEventListener('visibilitychange', say)
  say()
  return () => {
    observer.disconnect()
    document.removeEventListener('visibilitychange', say)
  }
}

/** Says that something is viewed when it stays for a moment; until then the function that it returns takes it back. */
export function sayAfterDwell(say: () => Promise<void>): () => void {
  const timer = setTimeout(() => void sayUntilHeard(say), DWELL)
  return () => clearTimeout(timer)
}

/** Says that something is viewed each time that this element, which shows it, comes on the screen. */
export function sayWhenSeen(node: Element, say: () => Promise<void>): () => void {
  let takeBack = () => {}
  const end = watch(node, (on) => {
    takeBack()
    takeBack = on ? sayAfterDwell(say) : () => {}
  })
  return () => {
    takeBack()
    end()
  }
}

async function sayUntilHeard(say: () => Promise<void>, tries = TRIES): Promise<void> {
  try {
    await say()
  } catch (thrown) {
    if (tries > 1 && problemOf(thrown).passes) setTimeout(() => void sayUntilHeard(say, tries - 1), AGAIN)
  }
}
