// Parts of the console that are loaded after the first paint. Once one is here it is itself, not a promise: `{#await}` then shows it in the
// frame of the key that asked for it. A browser settles even an import that was made before only after the frame that follows a key.

/** A loader that returns the promise while it is loaded, and what was loaded from then on. */
export function loadOnce<T>(load: () => Promise<T>): () => T | Promise<T> {
  let here: T | undefined
  return () => here ?? load().then((loaded) => (here = loaded))
}
