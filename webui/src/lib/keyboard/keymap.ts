// The one key map: the keyboard, the palette, the help sheet and the caps on buttons all read this table. What each command is called: commandLabels.ts.
import { choices } from '../state/preferences.svelte'
import { chord } from './chord.svelte'
import { keepAhead } from './typedAhead'
import { writing } from './writing.svelte'

export type Group = 'Move' | 'Decide' | 'View' | 'Go'

export interface Command {
  readonly name: string
  readonly keys: readonly string[]
  readonly group: Group
}

const define = (group: Group, rows: readonly [string, string][]): Command[] =>
  rows.map(([name, keys]) => ({ name, keys: keys.split(', '), group }))

export const commands: readonly Command[] = [
  ...define('Move', [
    ['next', 'j, ArrowDown'],
    ['previous', 'k, ArrowUp'],
    ['first', 'Home'],
    ['last', 'End'],
    ['open', 'ArrowRight, Enter'],
    ['close', 'ArrowLeft'],
    ['select', 'x'],
    ['extendDown', 'J, Shift+ArrowDown'],
    ['extendUp', 'K, Shift+ArrowUp'],
    ['selectVisible', '* a'],
    ['selectMatching', '* s'],
  ]),
  ...define('Decide', [
    ['release', 'r'],
    ['approve', 'a'],
    ['releaseKnown', '* r'],
    ['block', 'b'],
    ['purge', 'p'],
    ['redirect', 'm'],
    ['reject', 'n'],
    ['hand', 'c'],
    ['snooze', 'Z'],
    ['hold', 'h'],
    ['escalate', '!'],
    ['renew', 'v'],
    ['leave', 'e'],
    ['join', 'y'],
    ['split', 'Y'],
    ['widen', '+, ='],
    ['narrow', '-'],
    ['undo', 'z, Ctrl+z'],
    ['download', 'd'],
    ['copyLink', 'l'],
  ]),
  ...define('View', [
    ['looks', '1'],
    ['text', '2'],
    ['headers', '3'],
    ['people', '4'],
    ['history', '5'],
    ['comment', 'i'],
    ['read', 'Space'],
    ['sender', 's'],
    ['time-limited', 'u'],
    ['nextFree', 'f'],
    ['fresh', '.'],
    ['filter', 'o'],
    ['search', '/'],
    ['save', 'S'],
    ['palette', 'Ctrl+k'],
    ['theme', 't'],
    ['help', '?'],
    ['escape', 'Escape'],
  ]),
  ...define('Go', [
    ['goQueue', 'g q'],
    ['goDecisions', 'g d'],
    ['goCampaigns', 'g m'],
    ['goRules', 'g r'],
    ['goContacts', 'g c'],
    ['goPeople', 'g p'],
    ['goFirstDay', 'g f'],
    ['goOutgoing', 'g w'],
    ['goWhere', 'g e'],
    ['goEndOfShift', 'g b'],
    ['goReports', 'g s'],
    ['goTraining', 'g t'],
    ['goRequests', 'g i'],
    ['goApprovals', 'g k'],
    ['goStaff', 'g u'],
    ['goAudit', 'g a'],
    ['goEnforcement', 'g o'],
    ['goSystem', 'g h'],
    ['goHealth', 'g l'],
    ['goConfiguration', 'g v'],
    ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((n): [string, string] => [`goSaved${n}`, `g ${n}`]),
    ['goSettings', 'g ,'],
  ]),
]

const CAPS: Record<string, string> = { ArrowDown: '↓', ArrowUp: '↑', ArrowRight: '→', ArrowLeft: '←', Escape: 'Esc' }

/** "g r" as ["g", "r"], "Shift+ArrowUp" as ["Shift", "↑"]: what is printed on the caps. */
export const caps = (keys: string): string[] => keys.split(/ |(?<=.)\+/).map((one) => CAPS[one] ?? (keys.startsWith('Ctrl+') && one.length === 1 ? one.toUpperCase() : one))

/** The keys of a command as somebody chose them, or the usual ones. */
export function keysOf(name: string): readonly string[] {
  const chosen = choices.now.keys?.[name]
  if (chosen !== undefined) return chosen ? chosen.split(', ') : []
  return commands.find((one) => one.name === name)?.keys ?? []
}

/** The caps of a command's first key. */
export const capsOf = (name: string): string[] => caps(keysOf(name)[0] ?? '')

/** A command's first key as aria-keyshortcuts wants it; nothing where it takes two, one after the other. */
export function shortcutOf(name: string): string | undefined {
  const keys = keysOf(name)[0] ?? ''
  return keys && !keys.includes(' ') ? keys.replace('Ctrl+', 'Control+') : undefined
}

/** Do these keys get into each other's way: the same, or the beginning of the other? */
export const clash = (one: string, other: string): boolean => one === other || one.startsWith(`${other} `) || other.startsWith(`${one} `)

/** Other commands that would lose keys if this one had these. */
export const clashing = (name: string, keys: readonly string[]): Command[] =>
  commands.filter((one) => one.name !== name && keysOf(one.name).some((other) => keys.some((mine) => clash(mine, other))))

type Run = () => void
const running = new Map<string, Run[]>()

/** Lend functions to command names; returns how to take them back. The latest lender wins. */
export function provide(runs: Record<string, Run>): () => void {
  for (const [name, run] of Object.entries(runs)) running.set(name, [...(running.get(name) ?? []), run])
  return () => {
    for (const [name, run] of Object.entries(runs)) running.set(name, (running.get(name) ?? []).filter((one) => one !== run))
  }
}

export const canRun = (name: string): boolean => (running.get(name)?.length ?? 0) > 0

export function run(name: string): void {
  running.get(name)?.at(-1)?.()
}

/** Single letters can be asked to need Alt (WCAG 2.1.4). */
export const lettersNeedAlt = (): boolean => choices.now.letters === 'alt'

/** The key as the hand meant it: CapsLock makes no other command of a letter. */
function keyOf({ key, shiftKey }: KeyboardEvent, capsLock: boolean): string {
  if (key === ' ') return 'Space'
  return capsLock && /^\p{L}$/u.test(key) ? (shiftKey ? key.toUpperCase() : key.toLowerCase()) : key
}

/** Alt with an arrow and the like is the browser's or the desktop's: Back, the menu of the window. */
export function chordOf(event: KeyboardEvent, needAlt = lettersNeedAlt()): string {
  const level3 = event.getModifierState('AltGraph')
  const control = !level3 && (event.ctrlKey || event.metaKey)
  const alt = !level3 && event.altKey
  const key = keyOf(event, event.getModifierState('CapsLock'))
  const letter = key.length === 1
  if (!control && alt !== (letter && needAlt)) return ''
  return (control ? 'Ctrl+' : '') + (event.shiftKey && !letter ? 'Shift+' : '') + key
}

export const WRITING = 'input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]'
const PLACED = /^(Shift\+)?(Arrow|Home|End|Enter|Space)/

/** Arrows, Home, End, Enter and Space belong to whatever has the focus, unless that is the list or the page itself. */
function ours(chord: string, target: Element): boolean {
  if (writing.on || target.matches(WRITING)) return chord === 'Ctrl+k'
  return !PLACED.test(chord) || target === document.body || target.matches('[role=listbox]')
}

/** Which command a key, or two one after the other, mean as chosen now; and which keys begin two. */
function keyMap(): { names: ReadonlyMap<string, string>; firsts: ReadonlySet<string> } {
  if (known?.of !== choices.now.keys) {
    const pairs = commands.flatMap((one) => keysOf(one.name).map((keys) => [keys, one.name] as const))
    known = { of: choices.now.keys, names: new Map(pairs), firsts: new Set(pairs.filter(([keys]) => keys.includes(' ')).map(([keys]) => keys.split(' ')[0]!)) }
  }
  return known
}
let known: { of: unknown; names: ReadonlyMap<string, string>; firsts: ReadonlySet<string> } | undefined

/** The keys that begin two. */
export const firstKeys = (): ReadonlySet<string> => keyMap().firsts

/** No second press is expected any more. */
export const forgetChord = (): void => void (chord.open = '')

/** The key after the first of two is the second or nothing: a slow hand must never release mail. */
export function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || document.querySelector('dialog[open]')) return forgetChord()
  if (MODIFIERS.has(event.key) || keepAhead(event)) return
  const pressed = chordOf(event)
  const first = chord.open
  chord.open = ''
  if (first && pressed === 'Escape') return event.preventDefault()
  if (!pressed || !ours(pressed, event.target as Element)) return
  if (pressed === 'Escape' && document.querySelector(':popover-open')) return // the browser closes it
  const { names, firsts } = keyMap()
  if (!first && firsts.has(pressed)) {
    chord.open = pressed
    return event.preventDefault()
  }
  const name = names.get(first ? `${first} ${pressed}` : pressed)
  if (first) event.preventDefault()
  if (!name || !canRun(name) || (event.repeat && !REPEATING.has(name))) return
  event.preventDefault()
  run(name)
}

export const MODIFIERS: ReadonlySet<string> = new Set(['Shift', 'Control', 'Alt', 'AltGraph', 'Meta', 'CapsLock'])
const REPEATING = new Set(['next', 'previous', 'extendDown', 'extendUp'])
