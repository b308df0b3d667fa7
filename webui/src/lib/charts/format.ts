// Numbers of reports in words, and where they stand in a drawing: nothing here knows the screen.
import { locale, t } from '../i18n/i18n'
import type { ReportColumn, ReportTable } from '../schema/types'

export type ReportCell = ReportTable['rows'][number][string]
import { day, plain } from '../i18n/format'

const UNITS: readonly [number, string][] = [[86_400, t('d')], [3_600, 'h'], [60, 'min']]

/** 4.5 s, 12 min, 1.5 h, 3 d. */
export function span(seconds: number): string {
  for (const [size, name] of UNITS) if (seconds >= size) return `${trimmed(seconds / size)} ${name}`
  return `${trimmed(seconds)} s`
}

const trimmed = (value: number, digits = 1): string => value.toLocaleString(locale, { maximumFractionDigits: digits })

/** The column of one cell: that of a figure in the unit of its row. */
export const unitColumn = (row: ReportTable['rows'][number], column: ReportColumn): ReportColumn => (column.kind === 'figure' ? { ...column, kind: row.unit as ReportColumn['kind'] } : column)

/** A cell as people read it. */
export function cellWords(cell: ReportCell, column: ReportColumn): string {
  if (cell === null) return '–'
  if (typeof cell === 'string') return column.kind === 'day' ? day(`${cell}T12:00:00`) : plain(cell)
  if (column.kind === 'seconds') return span(cell)
  if (column.kind === 'share') return `${trimmed(100 * cell)} %`
  return trimmed(cell, 2)
}

/** How a figure changed since the period before, with an arrow; "" where nothing is known. */
export function changeWords(row: ReportTable['rows'][number]): string {
  const { unit, now, before, change } = row as Record<string, number | string | null>
  if (typeof change !== 'number' || typeof before !== 'number') return ''
  if (!change) return t('unchanged')
  const size = Math.abs(change)
  const says = unit === 'seconds' ? span(size) : unit === 'share' ? t('{n} points', { n: trimmed(100 * size) }) : before ? `${trimmed((100 * size) / before, 0)} %` : trimmed(Number(now))
  return `${change > 0 ? '↑' : '↓'} ${change > 0 ? t('{size} more', { size: says }) : t('{size} less', { size: says })}`
}

/** Whether all that would be drawn is unknown, as medians of few messages are. */
export const hasTooFew = (table: ReportTable): boolean => table.rows.length > 0 && table.rows.every((row) => drawn(table).every((column) => typeof row[column.name] !== 'number'))

/** Whether there is anything to draw. */
export const isDrawable = (table: ReportTable): boolean => table.rows.some((row) => drawn(table).some((column) => valueOf(row, column) > 0))

/** The grid of a drawing, from 0 at the bottom: each line with its place in percent from the top, and where a value lies. */
export function gridOf(table: ReportTable): { marks: { at: number; says: string }[]; y: (value: number) => number } {
  const seconds = drawn(table)[0]?.kind === 'seconds'
  const grid = ticks(mostOf(table), seconds)
  const y = (value: number): number => 100 - (100 * value) / (grid.at(-1) || 1)
  return { marks: grid.map((value) => ({ at: y(value), says: seconds ? span(value) : trimmed(value) })), y }
}

export const isNumber = (column: ReportColumn): boolean => column.kind !== 'text' && column.kind !== 'day'

/** The columns that are drawn. */
export const drawn = (table: ReportTable): ReportColumn[] => (table.plot?.of ?? []).map((name) => table.columns.find((one) => one.name === name)).filter((one) => one !== undefined)

/** The cell of a row as something that can be drawn. */
export const valueOf = (row: Record<string, ReportCell>, column: ReportColumn): number => (typeof row[column.name] === 'number' ? (row[column.name] as number) : 0)

/** The largest value that is drawn; never 0. */
export const mostOf = (table: ReportTable): number => Math.max(0, ...table.rows.flatMap((row) => drawn(table).map((column) => valueOf(row, column)))) || 1

/** Where lines of a grid lie: 0, and a few round values up to the one that holds all. */
export function ticks(most: number, seconds: boolean): number[] {
  const steps = seconds ? [1, 5, 15, 60, 300, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000] : [1, 2, 5].flatMap((one) => [0, 1, 2, 3, 4, 5, 6].map((power) => one * 10 ** power)).sort((a, b) => a - b)
  const step = steps.find((one) => most / one <= 4) ?? most / 4
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, index) => index * step)
}

/** The same places, moved apart where names would lie on one another, none below the lowest one. */
export function apart(places: readonly number[], least: number, lowest: number): number[] {
  const found = [...places]
  let next = lowest + least
  for (const index of found.map((_, at) => at).sort((a, b) => places[b]! - places[a]!)) next = found[index] = Math.min(places[index]!, next - least)
  return found
}
