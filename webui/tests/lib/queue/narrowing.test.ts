// Order and filter of the list in the address bar.
import { expect, test } from 'vitest'
import { filtersIn, narrowedAddress, narrowingOf, narrowingWords, sortOf, toggled } from '../../../src/lib/queue/narrowing'

const of = (text: string) => narrowingOf(new URLSearchParams(text))

test.each([
  ['', '', 'priority', 0],
  ['sort=priority&department=it', '', 'priority', 0],
  ['language=de&sort=risk', 'sort=risk&language=de', 'risk', 1],
  ['severity=suspicious&severity=dangerous&severity=dangerous', 'severity=dangerous&severity=suspicious', 'priority', 2],
  ['verified=true&verified=false', 'verified=false', 'priority', 1], // it is one or the other
  ['sort=luck&verified=', 'sort=luck', 'priority', 0], // the server refuses it by name
])('%s is written alike', (text, narrowing, sort, filters) => {
  expect(of(text)).toBe(narrowing)
  expect(of(of(text))).toBe(narrowing)
  expect(sortOf(narrowing)).toBe(sort)
  expect(filtersIn(narrowing)).toBe(filters)
})

test.each([
  ['', 'severity', 'dangerous', 'severity=dangerous'],
  ['severity=dangerous', 'severity', 'suspicious', 'severity=dangerous&severity=suspicious'],
  ['severity=dangerous', 'severity', 'dangerous', ''],
  ['verified=true', 'verified', 'false', 'verified=false'],
  ['sort=risk&verified=true', 'verified', 'true', 'sort=risk'],
] as const)('%s: %s %s', (before, name, value, after) => {
  expect(toggled(before, name, value)).toBe(after)
})

test('the rest of an address stays', () => {
  expect(narrowedAddress(new URLSearchParams('department=it&verified=true'), 'sort=wait')).toBe('/?department=it&sort=wait')
  expect(narrowedAddress(new URLSearchParams('verified=true'), '')).toBe('/')
  expect(narrowingWords('sort=risk&severity=dangerous&verified=false')).toEqual({ sort: 'risk', severity: ['dangerous'], verified: 'false' })
})
