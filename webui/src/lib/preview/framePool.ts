// Which frame holds which page: four places that never move, since a moved frame loads again.

/** Give each wanted page a place; pages that have one keep it. `null` is an empty place. */
export function placePages(places: readonly (string | null)[], wanted: readonly string[]): (string | null)[] {
  const next = places.map((page) => (page !== null && wanted.includes(page) ? page : null))
  const spare = places.map((_, index) => index).filter((index) => next[index] === null)
  for (const page of wanted) {
    if (next.includes(page)) continue
    const index = spare.shift()
    if (index === undefined) break
    next[index] = page
  }
  return next.map((page, index) => page ?? places[index] ?? null)
}
