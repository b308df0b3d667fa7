// What an undo takes back beyond the rows that are shown.
import { expect, test } from 'vitest'
import { rowOfDelivery } from '../../src/lib/row'
import type { Decision, Delivery, Rule } from '../../src/lib/shapes'
import { isMore } from '../../src/lib/undoing'

const row = (count: number) => ({ ...rowOfDelivery({ id: 'a' } as Delivery), count })
const rule = (origin: string): Rule => ({ origin }) as Rule

test.each([
  { about: 'one mail, which is shown', count: 1, rules: [], shown: [1], more: false },
  { about: 'a card, which is shown', count: 60, rules: [], shown: [60], more: false },
  { about: 'a colleague’s purge of 500, of which one is shown', count: 500, rules: [], shown: [1], more: true },
  { about: 'two rows, of which one is shown', count: 2, rules: [], shown: [1], more: true },
  { about: 'one mail and a block', count: 1, rules: [rule('staff')], shown: [1], more: true },
  { about: 'one mail and what catches its late copies', count: 1, rules: [rule('standing')], shown: [1], more: false },
])('$about', ({ count, rules, shown, more }) => {
  expect(isMore({ count, rules } as unknown as Decision, shown.map(row))).toBe(more)
})
