// Closing a sheet by an answer: when it comes late, another sheet may be open by then, and only its own is meant.
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
