// Which rows of a long list are on screen: heights are known, so nothing is measured.

export interface Span { from: number; to: number }

/** Offsets of each row's top, and of the end of the list at last. */
export function offsetsOf(heights: readonly number[]): Float64Array {
  const tops = new Float64Array(heights.length + 1)
  heights.forEach((height, index) => (tops[index + 1] = tops[index]! + height))
  return tops
}

/** The first row whose end lies below `y`. */
export function rowAt(tops: Float64Array, y: number): number {
  let low = 0
  let high = Math.max(0, tops.length - 2)
  while (low < high) {
    const middle = (low + high) >> 1
    if (tops[middle + 1]! > y) high = middle
    else low = middle + 1
  }
  return low
}

/** Rows between `top` and `top + height`, with a few around them. */
export function spanOf(tops: Float64Array, top: number, height: number, around = 6): Span {
  const count = tops.length - 1
  return { from: Math.max(0, rowAt(tops, top) - around), to: Math.min(count, rowAt(tops, top + height) + 1 + around) }
}
