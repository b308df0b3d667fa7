// What the search field offers for the word at the caret.
import { expect, test } from 'vitest'
import { offersFor, type Offer } from '../../../src/lib/search/completions'

const VALUES: Record<string, Offer[]> = {
  dept: [{ text: 'it', says: 'IT' }, { text: 'legal', says: 'Legal' }],
  from: [{ text: 'Jo Doe', says: '' }],
}
const offered = (text: string, caret = text.length) => offersFor(text, caret, (name) => VALUES[name] ?? [])

test.each([
  ['fr', ['from:']],
  ['dhl st', ['state:']],
  ['-has', ['-has:', '-hash:']],
  ['dept:', ['dept:it ', 'dept:legal ']],
  ['DEPT:le', ['dept:legal ']],
  ['-dept:l', ['-dept:legal ']],
  ['dept:it', []],
  ['from:jo', ['from:"Jo Doe" ']],
  ['dhl', []],
] as const)('%s', (text, texts) => expect(offered(text).items.map((one) => one.text)).toEqual(texts))

test('the word at the caret is replaced, and nothing else', () => {
  const { start, end } = offered('dhl dept:le to:finance', 11)
  expect(['dhl dept:le to:finance'.slice(start, end), start]).toEqual(['dept:le', 4])
})

test('quotes hold words together', () => {
  const { start, end } = offered('from:"Jo D x', 10)
  expect([start, end]).toEqual([0, 12])
})
