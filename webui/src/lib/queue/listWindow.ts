// The part of a long list that is here: one run of rows, grown at either end or moved to where somebody jumps. Values only.
import type { Row } from './row'

/** Where a page lies: at the top, after the last row of one, before the first, from a row or a position on, or at the end of all. */
export interface From { cursor?: string; before?: string; at?: string; position?: number; end?: true }
export interface Read { rows: readonly Row[]; next: From | null; prev: From | null }
interface Part { readonly from: From; readonly rows: number; readonly next: From | null; readonly prev: From | null }

export interface Run {
  readonly rows: readonly Row[]
  /** How many rows of the whole list lie above. */
  readonly before: number
  readonly parts: readonly Part[]
  readonly next: From | null
  readonly prev: From | null
}

export const NOTHING: Run = { rows: [], before: 0, parts: [], next: null, prev: null }
const MOST = 20 // parts that are kept

/** How many rows of the whole list are here: without the messages of opened groups. */
export const lengthOf = (run: Run): number => run.parts.reduce((sum, part) => sum + part.rows, 0)

const partOf = ({ next, prev }: Read, from: From, rows: number): Part => ({ from, rows, next, prev })
const madeOf = (rows: readonly Row[], before: number, parts: readonly Part[]): Run => ({ rows, before, parts, next: parts.at(-1)!.next, prev: parts[0]!.prev })

/** A run of its own, at this place of the list. */
export const runAt = (read: Read, from: From, before: number): Run => madeOf(read.rows, before, [partOf(read, from, read.rows.length)])

const fresh = (run: Run, read: Read): readonly Row[] => {
  const known = new Set(run.rows.map((row) => row.key))
  return read.rows.filter((row) => !known.has(row.key))
}

/** What follows below; the first part is dropped when there are too many. */
export function grown(run: Run, read: Read, from: From): Run {
  const rows = fresh(run, read)
  const longer = madeOf([...run.rows, ...rows], run.before, [...run.parts, partOf(read, from, rows.length)])
  if (longer.parts.length <= MOST) return longer
  const [first, ...parts] = longer.parts
  return madeOf(longer.rows.slice(indexOf(longer.rows, first!.rows)), longer.before + first!.rows, parts)
}

/** What comes above, from this position on; the last part is dropped when there are too many. */
export function led(run: Run, read: Read, from: From, before: number): Run {
  const rows = fresh(run, read)
  const longer = madeOf([...rows, ...run.rows], before, [partOf(read, from, rows.length), ...run.parts])
  if (longer.parts.length <= MOST) return longer
  const parts = longer.parts.slice(0, -1)
  return madeOf(longer.rows.slice(0, indexOf(longer.rows, lengthOf({ ...longer, parts }))), before, parts)
}

/** The index among all rows of the nth one that is no mail of an opened group. */
function indexOf(rows: readonly Row[], nth: number): number {
  let seen = 0
  const found = rows.findIndex((row) => !row.parent && seen++ === nth)
  return found < 0 ? rows.length : found
}

/** Where in the whole list a row of the run stands; a message of an opened group stands where its group does. */
export function positionOf(run: Run, index: number): number {
  let position = run.before - 1
  for (let at = 0; at <= index && at < run.rows.length; at++) if (!run.rows[at]!.parent) position++
  return Math.max(0, position)
}

/** The index among the rows here of what stands at this position of the whole list. */
export const indexAt = (run: Run, position: number): number => indexOf(run.rows, position - run.before)

/** How many rows of the whole list lie above one of its parts. */
export const rowsAbove = (run: Run, part: Part): number => run.before + lengthOf({ ...run, parts: run.parts.slice(0, run.parts.indexOf(part)) })

/** Which parts lie between two rows: what is asked for again when something changed. */
export function partsBetween(run: Run, first: number, last: number): readonly Part[] {
  const [from, to] = [positionOf(run, first) - run.before, positionOf(run, last) - run.before]
  let start = 0
  return run.parts.filter((part) => {
    const [begins, ends] = [start, start + part.rows]
    start = ends
    return begins <= to && from < ends
  })
}

/** The same without some rows, wherever they are; the others stay where they are. */
export function without(run: Run, keys: ReadonlySet<string>): Run {
  const whole = run.rows.filter((row) => !row.parent)
  let start = 0
  const parts = run.parts.map((part) => ({ ...part, rows: whole.slice(start, (start += part.rows)).filter((row) => !keys.has(row.key)).length }))
  return { ...run, rows: run.rows.filter((row) => !keys.has(row.key) && !keys.has(row.parent)), parts }
}
