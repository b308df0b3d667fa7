// The hand of proposed rules: what was answered last is what is taken back.
import { expect, test, vi } from 'vitest'
import { api } from '../../../src/lib/api/client'
import { hand } from '../../../src/lib/rules/suggestedRules.svelte'
import type { Proposal } from '../../../src/lib/schema/types'

const card = (id: string): Proposal => ({ id }) as Proposal

test('while an answer is on its way, it is the last one, not the one before', async () => {
  let answer: (made: Proposal) => void = () => undefined
  vi.spyOn(api, 'takeProposals').mockResolvedValue({ items: [], open: 0, answered: 0 })
  vi.spyOn(api, 'answerProposal').mockResolvedValueOnce(card('first')).mockReturnValueOnce(new Promise((resolve) => (answer = resolve)))
  await hand.answer(card('first'), 'accept')
  void hand.answer(card('second'), 'accept')
  const latest = hand.latest()
  answer(card('second'))
  expect((await latest)?.id).toBe('second')
})

test('of two answers on their way the last one that was given is the last one, whichever comes first', async () => {
  const answers = new Map<string, (made: Proposal) => void>()
  vi.spyOn(api, 'takeProposals').mockResolvedValue({ items: [], open: 0, answered: 0 })
  vi.spyOn(api, 'answerProposal').mockImplementation((id) => new Promise((resolve) => answers.set(id, resolve)))
  void hand.answer(card('first'), 'accept')
  const second = hand.answer(card('second'), 'accept')
  const latest = hand.latest()
  answers.get('second')!(card('second'))
  await second
  answers.get('first')!(card('first'))
  expect((await latest)?.id).toBe('second')
})
