// Fingers on the list: a row is swiped to the left to skip it, the top of the list is pulled down to refresh it. Scrolling stays the browser's.
import { t } from '../i18n/i18n'

const SLOP = 12 // pixels before it is known where a finger goes
const FAR = 120 // pixels that a row has to be swiped
export const PULLED = 56 // pixels that the list has to be pulled
const LONGEST = 80

interface Acts {
  /** What skipping the row of this index does; null: it cannot be skipped. */
  skipOf(index: number): (() => void) | null
  refresh(): void
  /** So many pixels is the list pulled. */
  onpull(pixels: number): void
}

interface Gesture { readonly x: number; readonly y: number; readonly row: HTMLElement | null; readonly skip: (() => void) | null; readonly top: boolean; way: '' | 'swipe' | 'pull' | 'none'; by: number }

/** Where a finger goes: to the left, down from the top, or it scrolls. */
function wayOf(gesture: Gesture, dx: number, dy: number): Gesture['way'] {
  if (Math.hypot(dx, dy) < SLOP) return ''
  if (gesture.skip && dx < 0 && -dx > 2 * Math.abs(dy)) return 'swipe'
  return gesture.top && dy > 2 * Math.abs(dx) ? 'pull' : 'none'
}

/** Follow fingers on this list until the returned function is called. */
export function followTouch(box: HTMLElement, acts: Acts): () => void {
  let now: Gesture | null = null

  function begin({ touches, target }: TouchEvent) {
    finish()
    if (touches.length !== 1 || (visualViewport?.scale ?? 1) > 1) return // where it is enlarged, a finger moves the page
    const row = (target as Element).closest<HTMLElement>('[role=option]')
    const skip = row && acts.skipOf(Number(row.id.slice('row-'.length)))
    now = { x: touches[0]!.clientX, y: touches[0]!.clientY, row, skip, top: box.scrollTop <= 0, way: '', by: 0 }
  }

  function move({ touches }: TouchEvent) {
    if (!now) return
    const [dx, dy] = [touches[0]!.clientX - now.x, touches[0]!.clientY - now.y]
    now.way ||= wayOf(now, dx, dy)
    if (now.way === 'swipe') swipe(now, Math.max(0, -dx - SLOP))
    else if (now.way === 'pull') acts.onpull((now.by = box.scrollTop > 0 ? 0 : Math.min(LONGEST, Math.max(0, (dy - SLOP) / 2))))
  }

  function swipe(gesture: Gesture, by: number) {
    gesture.by = by
    const row = gesture.row!
    row.style.translate = `${-by}px`
    row.dataset.swipe = t('Skip')
    row.toggleAttribute('data-far', by >= FAR)
  }

  /** The finger has left: what it did far enough is done. */
  function end() {
    const { way, by, skip } = now ?? {}
    finish()
    if (way === 'swipe' && by! >= FAR) skip!()
    if (way === 'pull' && by! >= PULLED) acts.refresh()
  }

  /** All is where it was. */
  function finish() {
    if (now?.way === 'swipe') {
      now.row!.style.translate = ''
      delete now.row!.dataset.swipe
      delete now.row!.dataset.far
    }
    if (now?.way === 'pull') acts.onpull(0)
    now = null
  }

  const listeners = { touchstart: begin, touchmove: move, touchend: end, touchcancel: finish }
  const all = Object.entries(listeners) as [keyof typeof listeners, (event: TouchEvent) => void][]
  for (const [name, listener] of all) box.addEventListener(name, listener, { passive: true })
  return () => all.forEach(([name, listener]) => box.removeEventListener(name, listener))
}
