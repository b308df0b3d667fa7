// A decision of which only a row is shown: whoever undoes it takes back all of it.
import type { Row } from './row'
import type { Decision, Rule } from './shapes'

/** The rules that go with a decision. What only catches late copies of a purge is nobody's wish of its own. */
export const rulesOf = (decision: Decision): readonly Rule[] => decision.rules.filter((rule) => rule.origin !== 'standing')

/** Is it about more than these rows? */
export const isMore = (decision: Decision, rows: readonly Row[]): boolean =>
  decision.count > rows.reduce((sum, row) => sum + row.count, 0) || rulesOf(decision).length > 0
