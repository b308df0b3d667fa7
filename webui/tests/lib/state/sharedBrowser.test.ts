// Several people use one browser: what one of them has closed or looked at is there for the next one.
import { afterEach, expect, test, vi } from 'vitest'
import { cover } from '../../../src/lib/coverage/coverage.svelte'
import { closeFirstRun, isFirstRun } from '../../../src/lib/state/firstRun.svelte'
import { session } from '../../../src/lib/state/session.svelte'
import type { Coverage, LargeRemoval, Me } from '../../../src/lib/schema/types'

const sit = (login: string) => (session.me = { login, verbs: ['release'] } as unknown as Me)
const removal = (decision: string): LargeRemoval => ({ decision, mine: false }) as LargeRemoval

afterEach(() => {
  vi.unstubAllGlobals()
  session.me = null
})

test.each(['keeps it', 'keeps nothing'])('a browser that %s', (browser) => {
  const store = new Map<string, string>()
  const refuse = () => {
    throw new Error('blocked')
  }
  const usual = { getItem: (name: string) => store.get(name) ?? null, setItem: (name: string, value: string) => void store.set(name, value) }
  vi.stubGlobal('localStorage', browser === 'keeps it' ? usual : { getItem: refuse, setItem: refuse })
  const [ana, ben] = [`ana ${browser}`, `ben ${browser}`].map((one) => one.replaceAll(' ', '-')) as [string, string]

  sit(ana)
  expect(isFirstRun()).toBe(true)
  closeFirstRun()
  expect(isFirstRun()).toBe(false)
  cover.now = { removals: [removal('2'), removal('1')] } as unknown as Coverage
  cover.looked(removal('2'))
  expect(cover.removals).toEqual([])

  sit(ben)
  expect(isFirstRun()).toBe(true)
  expect(cover.removals.map((one) => one.decision)).toEqual(['2', '1'])

  sit(ana)
  expect([isFirstRun(), cover.removals]).toEqual([false, []])
})
