// Who comes first of those whom the directory finds for what was typed.
import { expect, test } from 'vitest'
import { ranked } from '../../../src/lib/dialogs/addressees'
import type { Recipient } from '../../../src/lib/schema/types'

const one = (kind: string, to: string, name: string) => ({ kind, to: `${kind}:${to}`, name, place: '', mailbox: '' }) as Recipient
const FOUND = [one('person', 'finn.dahl', 'Finn Dahl'), one('person', 'fina.roth', 'Fina Roth'), one('department', 'finance', 'Finance'), one('department', 'admin', 'Infinite Office')]

test.each([
  ['fin', ['Finance', 'Finn Dahl', 'Fina Roth', 'Infinite Office']],
  ['FIN ', ['Finance', 'Finn Dahl', 'Fina Roth', 'Infinite Office']],
  ['finn dahl', ['Finn Dahl', 'Fina Roth', 'Finance', 'Infinite Office']],
  ['fina.roth', ['Fina Roth', 'Finn Dahl', 'Finance', 'Infinite Office']],
])('%j means %j', (typed, names) => {
  expect(ranked(FOUND, typed).map(({ name }) => name)).toEqual(names)
})

test('people and what many share both have room', () => {
  const many = [...Array.from({ length: 9 }, (_, at) => one('person', `p${at}`, `Person ${at}`)), ...Array.from({ length: 9 }, (_, at) => one('department', `d${at}`, `Department ${at}`))]
  const kinds = ranked(many, 'e').map(({ kind }) => kind)
  expect(kinds.filter((kind) => kind === 'person')).toHaveLength(4)
  expect(kinds).toHaveLength(8)
})
