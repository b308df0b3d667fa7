// Order and filter of the list, as the address bar has them under the API's own names. A filter picks whole rows.
import { t } from '../i18n/i18n'

export type RowSort = 'priority' | 'risk' | 'wait' | 'sender'
export const SORT_WORDS: Readonly<Record<RowSort, string>> = { priority: t('By priority'), risk: t('By risk'), wait: t('Longest wait first'), sender: t('By sender') }
const NAMES = ['sort', 'severity', 'verified', 'attachments', 'language', 'snoozed'] as const
export type NarrowName = (typeof NAMES)[number]

/** May several values be chosen? */
const isMany = (name: string): boolean => name === 'severity' || name === 'language'

/** What of an address orders or filters the list, always written alike; "" for all rows by priority. */
export function narrowingOf(words: URLSearchParams): string {
  const found = new URLSearchParams()
  for (const name of NAMES) for (const value of [...new Set(words.getAll(name))].sort().slice(0, isMany(name) ? undefined : 1)) if (value && (name !== 'sort' || value !== 'priority')) found.append(name, value)
  return found.toString()
}

/** The order that it names; what the server does not know it refuses. */
export const sortOf = (narrowing: string): RowSort => {
  const sort = new URLSearchParams(narrowing).get('sort') ?? ''
  return sort in SORT_WORDS ? (sort as RowSort) : 'priority'
}

/** The chosen values of one filter. */
export const chosen = (narrowing: string, name: NarrowName): readonly string[] => new URLSearchParams(narrowing).getAll(name)

/** How many values are chosen: each hides rows. */
export const filtersIn = (narrowing: string): number => [...new URLSearchParams(narrowing).keys()].filter((name) => name !== 'sort').length

/** The same with these values of one name; an empty one is none. */
export function replaced(narrowing: string, name: NarrowName, values: readonly string[]): string {
  const words = new URLSearchParams(narrowing)
  words.delete(name)
  for (const one of values) words.append(name, one)
  return narrowingOf(words)
}

/** The same with a value chosen, or not any more. Of what is either yes or no there is one value. */
export function toggled(narrowing: string, name: NarrowName, value: string): string {
  const before = chosen(narrowing, name)
  return replaced(narrowing, name, before.includes(value) ? before.filter((one) => one !== value) : [...(isMany(name) ? before : []), value])
}

/** As the API wants it said in an address. */
export const narrowingWords = (narrowing: string): Record<string, string | readonly string[]> => {
  const words = new URLSearchParams(narrowing)
  return Object.fromEntries([...new Set(words.keys())].map((name) => [name, isMany(name) ? words.getAll(name) : words.get(name)!]))
}

/** This list in another order or with another filter. */
export function narrowedAddress(words: URLSearchParams, narrowing: string): string {
  const next = new URLSearchParams(words)
  for (const name of NAMES) next.delete(name)
  for (const [name, value] of new URLSearchParams(narrowing)) next.append(name, value)
  const text = next.toString()
  return text ? `/?${text}` : '/'
}
