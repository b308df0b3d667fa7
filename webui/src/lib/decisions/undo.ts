// Rules and further changes that an undo reverts besides the messages.
import type { Decision, Rule } from '../schema/types'

/** The rules that go with a decision. What only catches late copies of a purge is nobody's wish of its own. */
export const rulesOf = (decision: Decision): readonly Rule[] => decision.rules.filter((rule) => rule.origin !== 'standing')
