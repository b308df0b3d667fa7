// Rules as lines of text, as the import reads them: written from rules, and from a pasted list of senders.
import { call } from '../api/client'
import type { ImportResult, Rule, RuleLines } from '../schema/types'

/** Makes every rule that the lines name, or none; a dry run says what each line would make. */
export const importRules = (lines: RuleLines): Promise<ImportResult> => call<ImportResult>('POST', '/rules/import', lines)

const WRITTEN: Partial<Record<Rule['match'], (value: string) => string>> = { subdomains: (value) => `.${value}`, list: (value) => `list:${value}`, recipient: (value) => `recipient:${value}`, content: (value) => `content:${value}` }

/** A rule as the line that makes it again. */
export function lineOf(rule: Rule): string {
  const { effect, scope, proof, until, lapse_days, risky, unchecked, encrypted, unproven_only, recipient, target, note, conditions } = rule
  const sender = WRITTEN[rule.match]?.(rule.value) ?? rule.value
  const values = { effect, sender, scope, proof: effect === 'allow' || proof === 'claimed' ? proof : '', until, lapse_days, risky, unchecked, encrypted, unproven_only, recipient, to: target, note, conditions, paused: Boolean(rule.paused_at) }
  return JSON.stringify(Object.fromEntries(Object.entries(values).filter(([, value]) => value && !(typeof value === 'object' && !Object.keys(value).length))))
}

/** Lines that are a sender alone get this effect, so that a pasted column of addresses is a list of rules; the numbers of lines stay. */
export const withEffect = (text: string, effect: string): string =>
  text
    .split(/\r?\n/)
    .map((line) => (/^[^\s#{]+$/.test(line.trim()) ? `${effect} ${line.trim()}` : line))
    .join('\n')
