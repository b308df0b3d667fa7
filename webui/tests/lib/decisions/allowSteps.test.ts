// The rule of an approved sender: what is still being made is taken back, too.
import { expect, test, vi } from 'vitest'
import { api } from '../../../src/lib/api/client'
import { Approval } from '../../../src/lib/decisions/allowSteps.svelte'
import type { AlongRule, Decision, MadeRule, Rule, RuleTrial } from '../../../src/lib/schema/types'

const rule = (id: string): MadeRule => ({ id, created_at: '2026-11-26T09:01:00Z' }) as MadeRule
const trial = (scope: string, step = 0): RuleTrial => ({ order: { effect: 'allow', match: 'address', value: 'hanna@supplier.example', scope }, step }) as RuleTrial

test('an undo while the rule is widened leaves no rule in force', async () => {
  const inForce = new Set(['narrow'])
  let answer: () => void = () => undefined
  vi.spyOn(api, 'offers').mockResolvedValue({ items: [trial('person:joe'), trial('company', 1)] })
  vi.spyOn(api, 'addRule').mockReturnValue(new Promise((resolve) => (answer = () => resolve((inForce.add('wide'), rule('wide'))))))
  vi.spyOn(api, 'removeRule').mockImplementation((id) => Promise.resolve(void inForce.delete(id)))
  const approval = await Approval.of({ ids: ['a'] }, {} as AlongRule)
  approval.made({ at: '2026-11-26T09:01:00Z', rules: [rule('narrow') as Rule] } as Decision)
  const widened = approval.go(1)
  const dropped = approval.drop()
  answer()
  await Promise.all([widened, dropped])
  expect([...inForce]).toEqual([])
})

test('keys pressed one after the other widen the rule by as many steps', async () => {
  let made = 0
  vi.spyOn(api, 'offers').mockResolvedValue({ items: [trial('person:joe'), trial('department:it', 1), trial('company', 2)] })
  vi.spyOn(api, 'addRule').mockImplementation(() => Promise.resolve(rule(String(++made))))
  vi.spyOn(api, 'removeRule').mockResolvedValue()
  const approval = await Approval.of({ ids: ['a'] }, {} as AlongRule)
  approval.made({ at: '2026-11-26T09:01:00Z', rules: [rule('narrow') as Rule] } as Decision)
  await Promise.all([approval.go(1), approval.go(1)])
  expect(approval.at).toBe(2)
  await Promise.all([approval.go(1), approval.go(-1)])
  expect([approval.at, made]).toEqual([1, 3])
})

test('where no scope of ours holds all of the mail, several together are one step, and one key', async () => {
  const both = ['address', 'domain'].flatMap((match, step) => ['person:joe', 'person:mara'].map((scope) => ({ ...trial(scope), order: { ...trial(scope).order, match }, step, changed: 1, doubt: '' }) as RuleTrial))
  vi.spyOn(api, 'offers').mockResolvedValue({ items: both })
  const add = vi.spyOn(api, 'addRule').mockImplementation((order) => Promise.resolve(rule(order.scope ?? '')))
  const remove = vi.spyOn(api, 'removeRule').mockResolvedValue()
  const approval = await Approval.of({ ids: ['a', 'b'] }, { effect: 'allow', match: 'address', scope: '' })
  expect(approval.wish).toEqual({ effect: 'allow', match: 'address', scope: '', senders: ['hanna@supplier.example'] })
  approval.made({ at: '2026-11-26T09:01:00Z', rules: [rule('narrow joe'), rule('narrow mara')] as Rule[] } as Decision)
  expect(approval.words((scope) => scope.slice('person:'.length))[0]).toBe('hanna@supplier.example is allowed for joe and mara from now on, with proof.')
  add.mockClear()
  remove.mockClear()
  await approval.go(1)
  expect(add.mock.calls.map(([order]) => [order.match, order.scope])).toEqual([['domain', 'person:joe'], ['domain', 'person:mara']])
  expect(remove.mock.calls).toEqual([['narrow joe'], ['narrow mara']])
})
