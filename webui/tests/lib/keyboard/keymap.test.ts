// The key map: what a key means, alone and after another one, as usual and as somebody chose.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { choices } from '../../../src/lib/state/preferences.svelte'
import { chord } from '../../../src/lib/keyboard/chord.svelte'
import { says } from '../../../src/lib/keyboard/commandLabels'
import { caps, clash, clashing, commands, keysOf, onKey, provide, shortcutOf } from '../../../src/lib/keyboard/keymap'

const usual = choices.now
const ran: string[] = []
let giveBack = () => undefined as void

beforeEach(() => {
  ran.length = 0
  giveBack = provide(Object.fromEntries(commands.map(({ name }) => [name, () => ran.push(name)])))
})
afterEach(() => {
  giveBack()
  choices.now = usual
  chord.open = ''
})

interface Pressed { alt?: boolean; caps?: boolean; ctrl?: boolean; shift?: boolean; at?: number; repeat?: boolean; writing?: boolean }

function press(key: string, { alt = false, caps = false, ctrl = false, shift = false, at = 0, repeat = false, writing = false }: Pressed = {}) {
  const preventDefault = vi.fn()
  const target = { matches: (selector: string) => selector.includes(writing ? 'textarea' : 'listbox') }
  onKey({ key, altKey: alt, ctrlKey: ctrl, metaKey: false, shiftKey: shift, repeat, timeStamp: at, isComposing: false, defaultPrevented: false, target, getModifierState: (name: string) => caps && name === 'CapsLock', preventDefault } as unknown as KeyboardEvent)
  return preventDefault
}

test.each([
  ['r', {}, ['release']],
  ['J', { shift: true }, ['extendDown']],
  ['k', { ctrl: true }, ['palette']],
  ['z', { ctrl: true }, ['undo']],
  ['r', { writing: true }, []],
  ['k', { ctrl: true, writing: true }, ['palette']],
  ['r', { repeat: true }, []],
  ['j', { repeat: true }, ['next']],
  ['q', {}, []],
  ['J', { caps: true }, ['next']],
  ['Y', { caps: true }, ['join']],
  ['j', { caps: true, shift: true }, ['extendDown']],
] as const)('%s %o', (key, how, meant) => {
  press(key, how)
  expect(ran).toEqual(meant)
})

test.each(['ArrowLeft', 'ArrowRight', 'Home', ' ', 'Enter'])('Alt and “%s” are left to the browser', (key) => {
  expect(press(key, { alt: true })).not.toHaveBeenCalled()
  expect(ran).toEqual([])
})

test('two keys, one after the other', () => {
  press('g')
  expect(chord.open).toBe('g')
  press('Shift')
  press('r')
  expect([ran, chord.open]).toEqual([['goRules'], ''])
})

test('the key after the first of two is never a verb, however late', () => {
  press('g')
  expect(press('n', { at: 3_600_000 })).toHaveBeenCalled()
  press('g')
  press('x')
  expect(ran).toEqual([])
  press('x')
  expect(ran).toEqual(['select'])
})

test('Esc leaves two keys, and closes nothing else', () => {
  press('g')
  press('Escape')
  expect([ran, chord.open]).toEqual([[], ''])
  press('Escape')
  expect(ran).toEqual(['escape'])
})

test('letters may need Alt', () => {
  choices.now = { ...usual, letters: 'alt' }
  press('r')
  press('r', { alt: true })
  press('z', { ctrl: true })
  expect(ran).toEqual(['release', 'undo'])
})

test('other keys, no key, and the usual ones', () => {
  choices.now = { ...usual, keys: { hand: 'w', release: '', leave: 'h e' } }
  for (const key of ['w', 'r', 'h', 'e', 'e', 'c']) press(key)
  expect(ran).toEqual(['hand', 'leave'])
  expect([keysOf('hand'), keysOf('release'), keysOf('next')]).toEqual([['w'], [], ['j', 'ArrowDown']])
  expect([shortcutOf('hand'), shortcutOf('release'), shortcutOf('leave'), shortcutOf('palette')]).toEqual(['w', undefined, undefined, 'Control+k'])
})

test.each([
  ['p', 'p', true],
  ['g', 'g r', true],
  ['g r', 'g', true],
  ['g r', 'g s', false],
  ['g', 'gg', false],
] as const)('%s and %s get into each other’s way: %s', (one, other, yes) => expect(clash(one, other)).toBe(yes))

test('who would lose keys', () => {
  expect(clashing('hand', ['p']).map(({ name }) => name)).toEqual(['purge'])
  expect(clashing('hand', ['g']).length).toBeGreaterThan(5)
  expect(clashing('hand', ['c'])).toEqual([])
})

test('every command is called something', () => {
  expect(commands.filter(({ name }) => says(name) === name)).toEqual([])
})

test('no two commands have the same keys', () => {
  for (const one of commands) expect(clashing(one.name, one.keys), one.name).toEqual([])
})

test.each([
  ['g r', ['g', 'r']],
  ['Shift+ArrowUp', ['Shift', '↑']],
  ['Ctrl+k', ['Ctrl', 'K']],
  ['+', ['+']],
] as const)('the caps of %s', (keys, printed) => expect(caps(keys)).toEqual(printed))
