// Where the rows of a long list are on screen: heights are known, so nothing is measured. A list taller than browsers can lay out is scaled.

/** Pixels of a row, and of one in an opened group, as the style sheet has them. */
export interface Heights { readonly tall: number; readonly short: number }
export const ROOMY: Heights = { tall: 76, short: 50 }
export const COMPACT: Heights = { tall: 50, short: 50 }
/** Of the heading of a section. */
export const HEAD = 30
/** Free space below the last row: the toast lies there. */
export const BELOW = 92
/** Pixels that every browser can lay out. */
export const TALLEST = 8_000_000

/** Offsets of each row's top, and of the end of them at last. */
export function offsetsOf(heights: readonly number[], start: number): Float64Array {
  const tops = new Float64Array(heights.length + 1)
  tops[0] = start
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

export interface Span { from: number; to: number }

/** Rows between `top` and `top + height`, with a few around them. */
export function spanOf(tops: Float64Array, top: number, height: number, around = 6): Span {
  const count = tops.length - 1
  if (!count || top > tops[count]! || top + height < tops[0]!) return { from: 0, to: 0 }
  return { from: Math.max(0, rowAt(tops, top) - around), to: Math.min(count, rowAt(tops, top + height) + 1 + around) }
}

/** How far the list moves for a pixel of the scroll bar: 1 unless it is too tall to be laid out. */
export const scaleOf = (whole: number, height: number): number => (whole <= TALLEST ? 1 : (whole - height) / (TALLEST - height))
