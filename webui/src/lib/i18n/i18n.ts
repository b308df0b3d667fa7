// The console's words. English stands in the code; any other language is a table beside it, there before anything else runs.
import { kept } from '../browser/localStorage'
import type de from '../../languages/de'

/** A sentence of ours: {name} stands for a value, | separates the forms for one and for more. */
export type Words = keyof typeof de
export type Table = Record<Words, string>
type Values = Record<string, string | number>

const tables = import.meta.glob<{ default: Table }>('../../languages/*.ts')
const fileOf = (code: string): string => `../../languages/${code}.ts`

/** Every language that the console speaks. */
export const languages: readonly string[] = ['en', ...Object.keys(tables).map((file) => file.slice(fileOf('').length - 3, -3))]

/** What somebody chose, else the first that their browser asks for and we have. */
export function languageFor(chosen: string | null): string {
  const wanted = [chosen ?? '', ...navigator.languages]
  return wanted.map((one) => languages.find((code) => one === code || one.startsWith(`${code}-`))).find((one) => one) ?? 'en'
}

export const language = languageFor(kept('language', '') || null)
const table: Partial<Table> = (await tables[fileOf(language)]?.().catch(() => undefined))?.default ?? {} // without it: English, rather than nothing
/** As dates and numbers are written: English the European way. */
export const locale = language === 'en' ? 'en-GB' : language

const digits = new Intl.NumberFormat(locale)
export const number = (value: number): string => digits.format(value)

const forms = new Intl.PluralRules(locale)
const FORMS = ['zero', 'one', 'two', 'few', 'many', 'other'].filter((form) => forms.resolvedOptions().pluralCategories.includes(form as Intl.LDMLPluralRule))

const filled = (text: string, values: Values): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name]
    return typeof value === 'number' ? number(value) : (value ?? whole)
  })

/** Our words in the language of whoever reads, with the values put in. */
export const t = (words: Words, values: Values = {}): string => filled(table[words] ?? words, values)

/** The same for `n` of something: the form that the language has for so many, with {n} put in. */
export function plural(words: Words, n: number, values: Values = {}): string {
  const all = (table[words] ?? words).split('|')
  return filled(all[FORMS.indexOf(forms.select(n))] ?? all.at(-1)!, { n, ...values })
}
