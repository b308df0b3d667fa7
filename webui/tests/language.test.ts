// The words: every language says all that the code says, with the same values in it, and nothing that nobody says any more.
import { parse } from 'svelte/compiler'
import { expect, test } from 'vitest'
import { number, plural, t } from '../src/lib/i18n/i18n'

const sources = import.meta.glob<string>(['../src/**/*.svelte', '../src/**/*.ts', '!../src/languages/*'], { eager: true, query: '?raw', import: 'default' })
const tables = import.meta.glob<{ default: Record<string, string> }>('../src/languages/*.ts', { eager: true })

/** What stands in the code as t('…') or plural('…'). */
const said = new Set(Object.values(sources).flatMap((text) => [...text.matchAll(/(?<![\w.])(?:t|plural)\(\s*'((?:[^'\\]|\\.)*)'/g)].map(([, words]) => words!.replaceAll("\\'", "'"))))

const values = (words: string): string[] => [...new Set(words.match(/\{\w+\}/g) ?? [])].sort()

test.each(Object.entries(tables).map(([file, { default: table }]) => [file.replace(/.*\/|\.ts/g, ''), table] as const))('%s', (code, table) => {
  expect([...said].filter((words) => !(words in table)), 'not said').toEqual([])
  expect(Object.keys(table).filter((words) => !said.has(words)), 'said by nobody').toEqual([])
  const forms = new Intl.PluralRules(code).resolvedOptions().pluralCategories.length
  const wrong = Object.entries(table).filter(([words, here]) => !here || values(words).join() !== values(here).join() || here.split('|').length !== (words.includes('|') ? forms : 1))
  expect(wrong, 'other values or forms').toEqual([])
})

/** Text of a template that does not go through the words. */
function bare(node: unknown): string[] {
  if (Array.isArray(node)) return node.flatMap(bare)
  if (!node || typeof node !== 'object') return []
  const one = node as Record<string, unknown>
  if (one.type === 'Text') return /\p{L}{2}/u.test(String(one.data)) ? [String(one.data).trim()] : []
  if (one.type === 'RegularElement' && one.name === 'style') return []
  if (one.type === 'Attribute') return ['title', 'aria-label', 'placeholder', 'alt', 'label', 'legend', 'why', 'what', 'says', 'whole'].includes(String(one.name)) ? bare(one.value) : []
  return ['fragment', 'nodes', 'attributes', 'body', 'consequent', 'alternate', 'fallback', 'pending', 'then', 'catch'].flatMap((part) => bare(one[part]))
}

const NAMES = /^(Mailroom|· Mailroom|lists\.example|DMARC)$/

test.each(Object.entries(sources).filter(([name]) => name.endsWith('.svelte')))('%s says nothing past the words', (_, text) => {
  expect(bare(parse(text, { modern: true }).fragment).filter((text) => !NAMES.test(text))).toEqual([])
})

test('values and forms', () => {
  expect(t('“{subject}”', { subject: 'a {name} in it' })).toBe('“a {name} in it”')
  expect([plural('{n} message|{n} messages', 1), plural('{n} message|{n} messages', 1_234)]).toEqual(['1 message', '1,234 messages'])
  expect(number(1_234_567)).toBe('1,234,567')
})
