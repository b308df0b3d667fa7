// Many rules at once: made from lines of text, as the import reads them, and put back in force.
import { call } from '../api/client'
import type { ChangedEnds, EndsOrder, ImportResult, RemovalOrder, RemovedRules, RestoredRules, RestoreOrder, RuleLines } from '../schema/types'

/** Makes every rule that the lines name, or none; a dry run says what each line would make. */
export const importRules = (lines: RuleLines): Promise<ImportResult> => call<ImportResult>('POST', '/rules/import', lines)

/** Removes rules, all or none; a dry run says which. */
export const removeRules = (order: RemovalOrder): Promise<RemovedRules> => call<RemovedRules>('POST', '/rules/remove', order)

/** Gives rules other ends, all or none; a dry run says which. What it answers as `former` takes it back. */
export const changeEnds = (order: EndsOrder): Promise<ChangedEnds> => call<ChangedEnds>('POST', '/rules/ends', order)

/** Puts rules that we removed back in force, all or none. */
export const restoreRules = (order: RestoreOrder): Promise<RestoredRules> => call<RestoredRules>('POST', '/rules/restore', order)

/** Lines that are a sender alone get this effect, so that a pasted column of addresses is a list of rules; the numbers of lines stay. */
export const withEffect = (text: string, effect: string): string =>
  text
    .split(/\r?\n/)
    .map((line) => (/^[^\s#{]+$/.test(line.trim()) ? `${effect} ${line.trim()}` : line))
    .join('\n')
