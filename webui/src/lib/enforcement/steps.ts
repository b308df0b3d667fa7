// The steps of enforcement in words, and what another step would have meant for the messages of the last days.
import { plural, t } from '../i18n/i18n'
import { longTime, SEVERITIES } from '../i18n/format'
import type { EnforcementPreview, ScopeStep, Severity } from '../schema/types'

export type Step = ScopeStep['step']
type Numbers = Partial<Record<Severity, number>>

export const DAYS = 14 // that are counted
export const SAYS: Record<Step, string> = { 'record-only': t('Record only'), 'hold-dangerous': t('Hold dangerous'), 'hold-unknown': t('Hold unknown senders'), 'hold-everything': t('Hold everything') }
export const STEPS = Object.keys(SAYS) as Step[]

/** The steps that a scope may have: only a person has an assistant who reads everything. */
export const stepsOf = (scope: string): Step[] => STEPS.filter((step) => step !== 'hold-everything' || scope.startsWith('person:'))

/** All messages of these. */
export const sumOf = (numbers: Numbers): number => SEVERITIES.reduce((sum, one) => sum + (numbers[one] ?? 0), 0)

/** When a step ends and what begins later. */
export function laterWords(one: ScopeStep): string {
  const ends = one.ends_at ? t('until {time}', { time: longTime(one.ends_at) }) : ''
  const later = one.planned ? t('{step} from {time}', { step: SAYS[one.planned.step], time: longTime(one.planned.starts_at) }) : ''
  return [ends, later].filter(Boolean).join(', ')
}

/** The step, when it ends and what begins later. */
export const stateOf = (one: ScopeStep): string => [SAYS[one.step], laterWords(one)].filter(Boolean).join(', ')

export interface Forecast { stricter: boolean; rows: readonly { severity: Severity; number: number }[] }

/** What another step would have held in addition, or let pass, by severity; null where nobody counted. */
export function forecastOf(one: ScopeStep, step: Step): Forecast | null {
  if (!one.effect || step === one.step) return null
  const stricter = STEPS.indexOf(step) > STEPS.indexOf(one.step)
  const numbers = stricter ? one.effect.passed : one.effect.held
  const concerned = SEVERITIES.filter((severity) => step !== 'hold-dangerous' || (severity === 'dangerous') === stricter)
  return { stricter, rows: concerned.map((severity) => ({ severity, number: numbers[severity] ?? 0 })) }
}

/** What a step held lately, or let pass: the numbers, and how many of them were dangerous. */
export function effectWords(numbers: Numbers, passed: boolean): { all: string; dangerous: string } {
  const dangerous = numbers.dangerous ?? 0
  const all = passed ? plural('would have held {n} message|would have held {n} messages', sumOf(numbers)) : plural('held {n} message|held {n} messages', sumOf(numbers))
  if (!dangerous) return { all, dangerous: '' }
  return { all, dangerous: passed ? plural('{n} dangerous was delivered|{n} dangerous were delivered', dangerous) : plural('{n} dangerous|{n} dangerous', dangerous) }
}

/** What the server counts of a person's step, in sentences: held lately, delivered at once, left for a decision, and who is told. */
export function previewWords(one: ScopeStep, found: EnforcementPreview, name: string): string[] {
  const { days, holds, delivers, kept } = found
  const said: string[] = []
  if (found.step === 'hold-everything' && one.step !== 'hold-everything') said.push(plural('In the last {days} days it would have held {n} more message.|In the last {days} days it would have held {n} more messages.', holds, { days }))
  if (holds >= days) said.push(plural('That is about {n} message a day.|That is about {n} messages a day.', Math.round(holds / days)))
  if (delivers) said.push(plural('{n} held message from known senders is delivered at once. Undoing that decision sets Hold everything again too.|{n} held messages from known senders are delivered at once. Undoing that decision sets Hold everything again too.', delivers))
  if (kept) said.push(plural('{n} message from known senders looks suspicious or worse, and stays held.|{n} messages from known senders look suspicious or worse, and stay held.', kept))
  if (STEPS.indexOf(found.step) < STEPS.indexOf(one.step)) said.push(delivers || kept ? t('Other held messages are not released.') : t('Messages that are held now are not released.'))
  if (found.tells.length) said.push(t('{name} gets an email about this.', { name }))
  return said
}
