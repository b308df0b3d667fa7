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

/** A cell as people read it. */
export function cellWords(cell: ReportCell, column: ReportColumn): string {
  if (cell === null) return '–'
  if (typeof cell === 'string') return column.kind === 'day' ? day(`${cell}T12:00:00`) : plain(cell)
  if (column.kind === 'seconds') return span(cell)
  return column.kind === 'share' ? `${trimmed(100 * cell)} %` : trimmed(cell, 2)
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
