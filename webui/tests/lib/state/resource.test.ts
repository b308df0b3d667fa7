// One thing that a page is about: an answer that comes late says nothing new.
import { expect, test } from 'vitest'
import { One } from '../../../src/lib/state/resource.svelte'

test('of several questions under way the last one counts', async () => {
  const answers: ((value: string) => void)[] = []
  const one = new One<string>(() => new Promise((resolve) => answers.push(resolve)))
  const asked = [one.load(), one.load()]
  answers[1]!('now')
  answers[0]!('before')
  await Promise.all(asked)
  expect(one.value).toBe('now')
})
