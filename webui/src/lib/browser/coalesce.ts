// Work that is wanted again while it is under way.

export const PATIENCE = 20_000 // milliseconds that are waited for work that does not end

/** Done once more when it has ended, however often it was wanted, and never twice at a time: on a slow line answers would overtake each other without end. */
export function inTurns(work: () => unknown): () => void {
  let wanted = 0
  return async function go() {
    if (wanted++) return
    const done = (async () => work())().catch(() => undefined)
    await Promise.race([done, new Promise((resolve) => setTimeout(resolve, PATIENCE))])
    const more = wanted > 1
    wanted = 0
    if (more) void go()
  }
}
