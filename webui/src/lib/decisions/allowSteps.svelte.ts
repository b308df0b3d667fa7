// The rule of an approved sender, step by step: only this once, the narrowest that is sensible, then wider ones.
import { locale, plural, t } from '../i18n/i18n'
import { api, isAsked } from '../api/client'
import { addRule } from './saveRule'
import type { AlongRule, Decision, PendingApproval, Rule, Select, RuleTrial } from '../schema/types'
import { plain } from '../i18n/format'

/** Rules for all of the senders, within one scope or several that together cover all messages; each is simulated. */
export type Step = readonly RuleTrial[]

const several = (names: readonly string[]): string => new Intl.ListFormat(locale).format(new Set(names))

/** What is offered, by steps. */
export const stepsOf = (items: readonly RuleTrial[]): Step[] => [...new Set(items.map(({ step }) => step))].map((step) => items.filter((one) => one.step === step))

/** For whom the rules of a step are. */
export const scopesOf = (step: Step, names: (scope: string) => string): string => several(step.map(({ order }) => names(order.scope)))

const who = ({ order }: RuleTrial): string => (order.match === 'domain' ? t('Anyone at {domain}', { domain: plain(order.value) }) : order.match === 'list' ? t('The list {list}', { list: plain(order.value) }) : plain(order.value))

export class Approval {
  at = $state(0) // -1: no rule
  #rules: readonly Rule[] = []
  #since = ''
  #going: Promise<unknown> = Promise.resolve()

  private constructor(
    readonly steps: readonly Step[],
    readonly fallback: AlongRule,
  ) {}

  /** What can be offered for these messages; where nothing can, `fallback` is asked for, and the server says why not. */
  static async of(select: Select, fallback: AlongRule): Promise<Approval> {
    return new Approval(stepsOf((await api.offers(select)).items), fallback)
  }

  /** The rule to make with the decision: each sender by name, so that nobody else is allowed. */
  get wish(): AlongRule {
    const first = this.steps[0]
    if (!first?.[0]) return this.fallback
    const { scope } = first[0].order
    const senders = [...new Set(first.map(({ order }) => order.value))]
    return first.length === 1 ? (first[0].order as AlongRule) : { ...this.fallback, senders, scope: first.every(({ order }) => order.scope === scope) ? scope : '' }
  }

  /** The decision was carried out: these are the rules in force. */
  made(decision: Decision): void {
    this.#rules = decision.rules
    this.#since = decision.at
  }

  get wider(): Step | undefined {
    return this.steps[this.at + 1]
  }

  /** Who is allowed for whom, and what that would have meant. */
  words(names: (scope: string) => string): string[] {
    const step = this.steps[this.at]
    const one = step?.[0]
    if (!one) return this.at < 0 ? [t('Released once. No rule was made.')] : []
    const scope = scopesOf(step, names)
    const senders = new Set(step.map(({ order }) => order.value)).size
    const done = senders === 1 ? t('{sender} is allowed for {scope} from now on, with proof.', { sender: who(one), scope }) : plural('{n} sender is allowed for {scope} from now on, with proof.|{n} senders are allowed for {scope} from now on, with proof.', senders, { scope })
    const messages = step.reduce((sum, trial) => sum + trial.changed, 0)
    const meant = step.length === 1 ? one.sentence : plural('In the last 30 days these rules would have allowed {n} message.|In the last 30 days these rules would have allowed {n} messages.', messages)
    return [done, meant, ...new Set(step.map((trial) => plain(trial.doubt)).filter(Boolean))]
  }

  /** One step wider (1) or narrower (-1), after those that are under way; false when it needs a second press and nothing is changed. */
  go(by: 1 | -1): Promise<boolean> {
    const gone = this.#going.then(() => this.#go(this.at + by))
    this.#going = gone.catch(() => undefined)
    return gone
  }

  /** The rules of another step in place of these. */
  async #go(to: number): Promise<boolean> {
    if (to < -1 || to >= this.steps.length) return true
    const made: (Rule | PendingApproval | null)[] = []
    for (const { order } of this.steps[to] ?? []) made.push(await addRule(order)) // one question at a time
    const rules = made.filter((one): one is Rule => one !== null && !isAsked(one))
    if (made.includes(null)) {
      await this.#remove(rules)
      return true
    }
    if (rules.length < made.length) return false
    const before = this.#rules
    this.#rules = rules
    await this.#remove(before)
    this.at = to
    return true
  }

  /** Take back what was made here, also what is being made. */
  drop = async (): Promise<void> => {
    await this.#going
    await this.#remove(this.#rules)
  }

  /** A rule that was there before is not ours to remove. */
  async #remove(rules: readonly Rule[]): Promise<void> {
    await Promise.all(rules.filter((one) => one.created_at >= this.#since).map((one) => api.removeRule(one.id)))
  }
}
