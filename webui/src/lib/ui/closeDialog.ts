// Closing a sheet: at once by a key, or by an answer. When that comes late, another sheet may be open by then, and only its own is meant.
import { onDestroy } from 'svelte'

/** Closes as long as this component is there; true when it was. */
export function ownClose(close: () => void): () => boolean {
  let here = true
  onDestroy(() => (here = false))
  return () => {
    const was = here
    if (was) close()
    return was
  }
}

/** Close the sheet that has the focus before it is removed: where the focus is removed, a browser lays out the whole page once more. */
export const closeFocused = (): void => document.activeElement?.closest('dialog')?.close()
