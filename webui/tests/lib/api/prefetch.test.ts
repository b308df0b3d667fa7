// What goes out by itself before the console has come, and who may take the answer.
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { keep } from '../../../src/lib/browser/localStorage'

const ME = '/me'
const CARDS = (group: string) => `/triage?group=${group}&state=held&limit=50`

describe('what is asked ahead', () => {
  beforeEach(() => {
    vi.resetModules()
    vi.stubGlobal('fetch', vi.fn(async () => new Response('{}')))
    vi.stubGlobal('location', { pathname: '/', search: '' })
    keep('choices', 'null')
  })

  const asked = () => vi.mocked(fetch).mock.calls.map(([url]) => String(url).replace('/api/v1', ''))

  test.each([
    { on: '/', search: '', choices: 'null', asks: [ME] },
    { on: '/', search: '', choices: '{}', asks: [ME, CARDS('campaign')] },
    { on: '/', search: '', choices: '{"group":"none"}', asks: [ME, CARDS('none')] },
    { on: '/', search: '', choices: 'no JSON', asks: [ME] },
    { on: '/', search: '?department=it', choices: '{}', asks: [ME] },
    { on: '/rules', search: '', choices: '{}', asks: [ME] },
    { on: '/ask', search: '', choices: '{}', asks: [] },
  ])('on $on$search, $choices is kept', async ({ on, search, choices, asks }) => {
    vi.stubGlobal('location', { pathname: on, search })
    keep('choices', choices)
    await import('../../../src/lib/api/prefetch')
    expect(asked()).toEqual(asks)
  })

  test('an answer is taken once, and by nobody after it turned out that nobody has signed in', async () => {
    keep('choices', '{}')
    const { forget, takeEarly } = await import('../../../src/lib/api/prefetch')
    expect(await takeEarly(ME)).toBeInstanceOf(Response)
    expect(takeEarly(ME)).toBeUndefined()
    forget()
    expect(takeEarly(CARDS('campaign'))).toBeUndefined()
  })
})
