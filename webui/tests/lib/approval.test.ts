// The rule of an approved sender: what is still being made is taken back, too.
import { expect, test, vi } from 'vitest'
import { api } from '../../src/lib/api'
import { Approval } from '../../src/lib/approval.svelte'
import type { Decision, Rule, RuleWish, Trial } from '../../src/lib/shapes'

const rule = (id: string): Rule => ({ id, created_at: '2026-11-26T09:01:00Z' }) as Rule
const trial = (scope: string): Trial => ({ order: { effect: 'allow', match: 'address', value: 'hanna@supplier.example', scope } }) as Trial

test('an undo while the rule is widened leaves no rule in force', async () => {
  const inForce = new Set(['narrow'])
  let answer: () => void = () => undefined
  vi.spyOn(api, 'offers').mockResolvedValue({ items: [trial('person:joe'), trial('company')] })
  vi.spyOn(api, 'addRule').mockReturnValue(new Promise((resolve) => (answer = () => resolve((inForce.add('wide'), rule('wide'))))))
  vi.spyOn(api, 'removeRule').mockImplementation((id) => Promise.resolve(void inForce.delete(id)))
  const approval = await Approval.of({ ids: ['a'] }, {} as RuleWish)
  approval.made({ at: '2026-11-26T09:01:00Z', rules: [rule('narrow')] } as Decision)
  const widened = approval.go(1)
  const dropped = approval.drop()
  answer()
  await Promise.all([widened, dropped])
  expect([...inForce]).toEqual([])
})

test('keys pressed one after the other widen the rule by as many steps', async () => {
  let made = 0
  vi.spyOn(api, 'offers').mockResolvedValue({ items: [trial('person:joe'), trial('department:it'), trial('company')] })
  vi.spyOn(api, 'addRule').mockImplementation(() => Promise.resolve(rule(String(++made))))
  vi.spyOn(api, 'removeRule').mockResolvedValue()
  const approval = await Approval.of({ ids: ['a'] }, {} as RuleWish)
  approval.made({ at: '2026-11-26T09:01:00Z', rules: [rule('narrow')] } as Decision)
  await Promise.all([approval.go(1), approval.go(1)])
  expect(approval.at).toBe(2)
  await Promise.all([approval.go(1), approval.go(-1)])
  expect([approval.at, made]).toEqual([1, 3])
})
