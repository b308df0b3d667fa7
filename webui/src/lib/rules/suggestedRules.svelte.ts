// The proposed rules that are assigned to us, and how far all staff are. Nobody else gets ours meanwhile.
import { api, problemOf } from '../api/client'
import { t } from '../i18n/i18n'
import { proposals } from './suggestionCount.svelte'
import { secondLooks } from '../decisions/secondLook.svelte'
import type { Proposal, ProposalAnswer } from '../schema/types'
import { plain } from '../i18n/format'

class Hand {
  proposals = $state.raw<Proposal[]>([])
  answered = $state(0)
  loaded = $state(false)
  failure = $state('')
  last = $state.raw<Proposal | null>(null) // our last answer, as long as it can be taken back here

  private here = false // is the page open that answers them?
  private turn: Promise<unknown> = Promise.resolve()

  /** One request after another: proposals that were returned must not reappear by a request that was under way. */
  private inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.turn.then(work)
    this.turn = done.catch(() => undefined)
    return done
  }

  /** Sit down to answer. */
  come(): Promise<void> {
    this.here = true
    return this.take()
  }

  /** Keeps our proposals and adds more. */
  take(): Promise<void> {
    return this.inTurn(() => this.fill())
  }

  private async fill(): Promise<void> {
    if (!this.here) return
    try {
      const { items, open, answered } = await api.takeProposals()
      if (!this.here) return
      const order = new Map(this.proposals.map((one, place) => [one.id, place]))
      this.proposals = items.toSorted((one, other) => (order.get(one.id) ?? items.length) - (order.get(other.id) ?? items.length))
      proposals.open = open
      this.answered = answered
      this.failure = ''
    } catch (thrown) {
      this.failure = problemOf(thrown).message
    }
    this.loaded = true
  }

  /** Leave: others may have our proposals. */
  leave(): Promise<void> {
    this.here = false
    this.proposals = []
    this.loaded = false
    return this.inTurn(async () => {
      if (!this.here) await api.layBackProposals().catch(() => undefined)
    })
  }

  private answering: Promise<unknown> = Promise.resolve()
  private given = 0

  /** Answer; the sentence to say when somebody else was faster. */
  answer(one: Proposal, answer: ProposalAnswer['answer']): Promise<string> {
    const said = this.settle(one, answer)
    this.answering = Promise.all([this.answering, said])
    return said
  }

  /** What we answered last, once that has its answer. */
  async latest(): Promise<Proposal | null> {
    await this.answering
    return this.last
  }

  private async settle(one: Proposal, answer: ProposalAnswer['answer']): Promise<string> {
    let said = ''
    const given = ++this.given
    this.last = null
    if (answer !== 'open') this.proposals = this.proposals.filter((other) => other.id !== one.id)
    try {
      const wording = { title: t('Allow {sender}?', { sender: plain(one.value) }), act: t('Allow'), kept: t('No rule was added.') }
      const made = await secondLooks.confirmed((said) => api.answerProposal(one.id, answer, said), wording)
      if (!made) throw new Error(wording.kept)
      if (answer !== 'open' && given === this.given) this.last = made // else another was answered since
      if (answer === 'open') this.proposals = [made, ...this.proposals]
    } catch (thrown) {
      said = problemOf(thrown).message
    }
    await this.take()
    return said
  }

  /** Look at it later: it goes behind the others. */
  later(one: Proposal): void {
    this.proposals = [...this.proposals.filter((other) => other.id !== one.id), one]
  }
}

export const hand = new Hand()
