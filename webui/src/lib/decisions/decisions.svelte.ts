// Decisions as they are made: shown at once, sent, confirmed or taken back with the reason.
import { plural, t } from '../i18n/i18n'
import { api, freshKey, isAsked, problemOf, type Problem } from '../api/client'
import type { Approval } from './allowSteps.svelte'
import { taken } from './effort'
import { live } from '../state/eventStream.svelte'
import { markOfDelivery, type Mark } from '../queue/rowOutcome'
import { queue } from '../queue/queue.svelte'
import { namesOf, narrowestScope, selectOf, type Row } from '../queue/row'
import { folders } from '../state/folders.svelte'
import { offer } from './deliveredLately.svelte'
import { secondLooks, type Wording } from './secondLook.svelte'
import { approvals } from './approvalCount.svelte'
import { session } from '../state/session.svelte'
import { PAST, blockKinds, calledOf, plain, scopeWords } from '../i18n/format'
import { serverInstant } from '../browser/serverTime'
import type { Decision, DecisionOrder, Verb } from '../schema/types'

const loadAllowSteps = () => import('./allowSteps.svelte')
const refusals = () => import('./errorText')
setTimeout(() => Promise.all([loadAllowSteps(), refusals()]), 1_500) // so that they are there when somebody is approved, or something is refused

/** One decision of mine: what undo needs to know. */
interface Done { decision: Decision; names: readonly string[]; key?: string; subject?: string; approval?: Approval | null; fresh?: Fresh }

/** Until when a decision can be taken back without a question, by the clock that only goes on: while its toast lives, and nothing has left. */
interface Fresh { toast: number; leaves: number }

/** An act of mine from when it was asked for: a decision has its answer later, what is none a way back of its own. `refusal`: the one that stood there then. */
type Act = Partial<Done> & Pick<Done, 'names'> & { count?: number; answer?: Promise<unknown>; back?: () => void; refusal?: Refusal | null }

const confidentialWords = (one: Decision): string => (one.confidential === 'asked' ? t('Keepers of confidential folders are asked.') : one.confidential ? t('Confidential folders are left out.') : '')

export interface Toast { id: number; text: string; note: string; until: number; leavesAt: number; done: Done | null; approval: Approval | null; back: boolean }
export interface Refusal { id: number; title: string; detail: string; rows: readonly Row[]; mark: Mark | null; again: (() => void) | null }

/** A decision that got no answer: it may be carried out or not, and is asked for once more under the same name. */
export interface Unanswered { subject: string; send: () => Promise<void>; drop: () => void }

/** A wish as a sheet or key makes it; the selection is filled in from the rows when the sheet did not choose one. `approve`: with the narrowest sensible rule. */
export type Wish = Omit<DecisionOrder, 'select'> & { select?: DecisionOrder['select']; approve?: boolean; approval?: Approval | null }

/** A decision of before, and the answer whether it shall be taken back. */
export interface UndoQuestion { decision: Decision; answer: (sure: boolean) => void }

/** Outcomes that need nobody's eye: done, or done as soon as the recaller comes by. */
const CARRIED_OUT: ReadonlySet<string> = new Set(['done', 'recalling', 'restoring'])

const LEAVING: ReadonlySet<string> = new Set(['release', 'redirect', 'reject']) // after these something is sent when the undo time is over
const RELEASING: ReadonlySet<Verb> = new Set(['release', 'redirect', 'redeliver', 'restore'])

/** The messages of these rows that a decision was about, of a row that holds more than it names the row. */
function changedBy({ items = [] }: Decision, rows: readonly Row[]): readonly string[] {
  const about = new Set(items.map((item) => item.delivery))
  return undecided(rows).filter((name) => about.has(name))
}

const undecided = (rows: readonly Row[]): readonly string[] => [...new Set(rows.flatMap(namesOf))].filter((name) => !queue.isDecided(name))

/** Does a decision leave some of its rows as they are? */
const leavesSome = ({ rule }: Pick<DecisionOrder, 'rule'>): boolean => !!rule?.without?.length

/** Will the server ask for a second look? It says so of each row. */
const needsLook = (verb: Verb, rows: readonly Row[]): boolean => RELEASING.has(verb) && rows.some(({ looks }) => looks.length > 0)

/** What the recaller has yet to do for a decision, in words. */
function inMailboxes({ count, recalling, restoring }: Decision): string {
  if (count === 1) return recalling ? t('It is being removed from the mailbox.') : restoring ? t('It is being restored to the mailbox.') : ''
  if (recalling) return plural('{n} is being removed from mailboxes.|{n} are being removed from mailboxes.', recalling)
  return restoring ? plural('{n} is being restored to mailboxes.|{n} are being restored to mailboxes.', restoring) : ''
}

/** What a second look asks of other verbs than a release. */
const LOOKS: Partial<Record<Verb, (what: string) => [string, string]>> = {
  redirect: (what) => [t('Redirect {what}?', { what }), t('Redirect')],
  redeliver: (what) => [t('Deliver {what} again?', { what }), t('Deliver again')],
  restore: (what) => [t('Restore {what}?', { what }), t('Restore')],
}

/** Does a decision block somebody along? */
const blocksAlong = ({ rule, block }: Pick<DecisionOrder, 'rule' | 'block'>): boolean => rule?.effect === 'block' || !!block

/** What a removal has blocked, in words. */
function blockedWords({ blocked }: Decision): string {
  const named = blockKinds(blocked ?? {})
  return named ? t('Blocked: {what}.', { what: named }) : ''
}

/** Whom a release has allowed and whom it has left out, in words. */
function agreedWords({ agreed, verb }: Decision): string {
  if (!agreed?.rules.length || verb !== 'release') return ''
  const scopes = [...new Set(agreed.rules.map(({ scope }) => scopeWords(scope, folders.nameOf)))].join(', ')
  const values = [...new Set(agreed.rules.map(({ value }) => value))]
  const stay = agreed.left_out.reduce((sum, one) => sum + one.count, 0)
  return `${plural('{n} sender is allowed for {scope} from now on, with proof.|{n} senders are allowed for {scope} from now on, with proof.', values.length, { scope: scopes })} ${stay ? plural('{n} message stays held.|{n} messages stay held.', stay) : ''}`
}

class Desk {
  toast = $state.raw<Toast | null>(null)
  refusal = $state.raw<Refusal | null>(null)
  undoQuestion = $state.raw<UndoQuestion | null>(null)
  busy = $state(0)
  unanswered = $state.raw<readonly Unanswered[]>([])
  #asking = false
  #tries = 0
  #past: Act[] = [] // in the order in which they were asked for
  #count = 0

  /** Carry out a verb over rows. The rows are stamped before the server answers, but where it may ask back, or leaves some of them. */
  async decide({ approve = false, approval = null, ...wish }: Wish, rows: readonly Row[]): Promise<void> {
    const { select, count } = selectOf(rows, queue.isDecided, queue.view)
    const effort = session.me?.measures ? { effort: taken() } : {}
    this.toast = null
    const act = this.#begin({ names: leavesSome(wish) || needsLook(wish.verb, rows) ? [] : undecided(rows), count, key: rows[0]?.key, subject: rows[0] && calledOf(rows[0].lead), refusal: this.refusal })
    this.#stamp(act.names, wish.verb, blocksAlong(wish))
    queue.tidy(rows)
    if (act.names.length) queue.advance()
    queue.pickNone()
    await this.#send({ select, ...(wish.select || wish.fence ? {} : { expect: count }), ...wish, ...effort }, rows, act, approve, freshKey(), approval)
  }

  #begin(act: Act): Act {
    this.#past.push(act)
    return act
  }

  #forget(act: Act): void {
    this.#past = this.#past.filter((one) => one !== act)
  }

  #stamp(names: readonly string[], verb: Mark['verb'], blocked = false): void {
    queue.markAs(names, { verb, blocked, by: session.me?.name ?? '', at: serverInstant(), decision: '', sure: verb === 'leave' })
  }

  #send(wish: DecisionOrder, rows: readonly Row[], act: Act, approve: boolean, once = freshKey(), approval: Approval | null = null): Promise<void> {
    const work = this.#sendNow(wish, rows, act, approve, once, approval)
    act.answer = work
    return work
  }

  async #sendNow(wish: DecisionOrder, rows: readonly Row[], act: Act, approve: boolean, once: string, approval: Approval | null): Promise<void> {
    this.busy += 1
    try {
      if (approve) approval ??= await (await loadAllowSteps()).Approval.of(wish.select, { effect: 'allow', match: 'address', scope: narrowestScope(rows, session.me?.scope) })
      const whole = approval ? { ...wish, rule: approval.wish } : wish
      const decision = await secondLooks.confirmed((said) => {
        const asks = { ...whole, ...said }
        if (said.confirm) once = freshKey() // another question than the one that was refused
        return api.decide(asks, once).catch((thrown) => this.#unstamp(thrown, act, rows))
      }, this.#wording(wish.verb, rows, wish.expect ?? act.count ?? rows.length))
      if (!decision) this.#drop(act)
      else if (isAsked(decision)) {
        this.#drop(act)
        this.asked()
      } else this.#carriedOut(decision, rows, act, blocksAlong(wish), approval)
      this.#tries = 0
    } catch (thrown) {
      const problem = problemOf(thrown)
      if (problem.status === 0) this.#keep(act, { subject: this.#called(rows), send: () => this.#send(wish, rows, act, approve, once, approval), drop: () => this.#drop(act) })
      else this.#drop(act)
      const again = () => {
        this.#begin(act)
        this.#stamp(act.names, wish.verb, blocksAlong(wish))
        void this.#send(wish, rows, act, approve, once)
      }
      if (problem.status) await this.#refused(problem, wish.verb, rows, again)
    }
    this.busy -= 1
  }

  /** It is not done yet: the rows are shown as they are, and the first one is under the cursor again. */
  #unstamp(thrown: unknown, act: Act, rows: readonly Row[]): never {
    if (problemOf(thrown).look && act.names.length) {
      queue.unmark(act.names)
      act.names = []
      this.#show(rows[0]?.key)
    }
    throw thrown
  }

  #wording(verb: Verb, rows: readonly Row[], count: number): Wording {
    const what = count === 1 ? this.#called(rows.slice(0, 1)) : plural('{n} message|{n} messages', count)
    const [title, act] = LOOKS[verb]?.(what) ?? [t('Release {what}?', { what }), t('Release')]
    return { title, act, kept: t('Nothing was released. Still held: {what}.', { what }) }
  }

  /** It was not carried out: the rows are as they were. */
  #drop(act: Act): void {
    queue.unmark(act.names)
    this.#forget(act)
  }

  #keep(act: Act, one: Unanswered): void {
    if (!this.#past.includes(act)) this.#begin(act) // it was to be taken back
    this.unanswered = [...this.unanswered, one]
    live.unreachable('')
  }

  /** The server can be reached again: what it did not answer is asked once more, with longer and longer pauses where that fails too. */
  askAgain = (): void => {
    if (!this.unanswered.length || this.#asking) return
    this.#asking = true
    setTimeout(async () => {
      const waiting = this.unanswered
      this.unanswered = []
      for (const one of waiting) await one.send()
      this.#asking = false
    }, Math.min(30, this.#tries++) * 1_000)
  }

  /** Do not ask again for what got no answer. */
  forget(): void {
    this.unanswered.forEach((one) => one.drop())
    this.unanswered = []
    void queue.look()
  }

  /** It needs a second person. */
  asked(): void {
    void approvals.load()
    this.say(t('This needs approval by a second person. Nothing has changed yet.'), { note: t('A colleague confirms or declines it under “Approvals”.') })
  }

  #carriedOut(decision: Decision, rows: readonly Row[], act: Act, blocked: boolean, approval: Approval | null): void {
    const names = act.names.length ? act.names : changedBy(decision, rows)
    const missed = new Set((decision.items ?? []).filter((item) => !CARRIED_OUT.has(item.outcome)).map((item) => item.delivery))
    const mine = names.filter((name) => !missed.has(name))
    queue.unmark(names.filter((name) => missed.has(name)))
    queue.markAs(mine, { verb: decision.verb, blocked, by: decision.by_name, at: decision.at, decision: decision.id, sure: true })
    const stamped = act.names.length > 0
    const done: Done = Object.assign(act, { decision, names: mine, approval, fresh: this.#freshFrom(performance.now(), decision, approval) })
    approval?.made(decision)
    if (blocked && decision.rules.length) void offer.look(decision.rules)
    if (this.refusal === act.refusal) this.refusal = null // one that came since is not read yet
    live.unsaved = ''
    if (this.#past.at(-1) === act) this.#announce(done, blocked) // else more was done since, or it is to be taken back
    if (rows[0]?.key === '*' || (!stamped && rows.some((row) => row.ids.length < row.count))) void queue.reload()
    else if (!stamped && mine.length) queue.advance()
  }

  #announce(done: Done, blocked = false): void {
    const { decision } = done
    if (decision.items?.some((item) => item.outcome === 'answered')) { // known messages: the server says what was right
      this.say(plain(decision.sentence), { done: decision.undoable ? done : null })
      return
    }
    const what = decision.count === 1 ? t('“{subject}”', { subject: done.subject ?? '' }) : plural('{n} message|{n} messages', decision.count)
    const past = blocked && decision.verb === 'purge' ? t('Removed and blocked') : PAST[decision.verb]
    const mailboxes = decision.recalling + decision.restoring
    const left = decision.left ?? 0
    const missed = decision.count - decision.done - mailboxes - left
    const leaves = LEAVING.has(decision.verb)
    this.say(t('{done} {what}.', { done: past, what }), {
      note: [blockedWords(decision), done.approval ? '' : agreedWords(decision), left ? `${t('{n} pending', { n: left })}.` : '', inMailboxes(decision), missed > 0 ? t('{n} of {all} could not be removed.', { n: missed, all: decision.count }) : '', confidentialWords(decision)].join(' ').trim(),
      leavesAt: leaves ? Date.now() + (session.me?.undo_seconds ?? 0) * 1_000 : 0,
      done,
      approval: done.approval ?? null,
    })
  }

  /** How long a toast lives, in milliseconds. */
  #life = (approval?: Approval | null): number => Math.max(session.me?.undo_seconds ?? 10, approval ? 12 : 6) * 1_000

  /** From its answer on a decision is taken back without a question as long as a toast lives, and as long as nothing of it has left. */
  #freshFrom(now: number, { verb }: Decision, approval?: Approval | null): Fresh {
    return { toast: now + this.#life(approval), leaves: LEAVING.has(verb) && session.me ? now + session.me.undo_seconds * 1_000 : Infinity }
  }

  /** May it be taken back without a question? */
  #isFresh = ({ fresh, decision }: Done): boolean =>
    !!fresh && performance.now() < fresh.leaves && (performance.now() < fresh.toast || this.toast?.done?.decision.id === decision.id)

  /** A word on what just happened; goes by itself after the undo time. */
  say(text: string, { back, ...more }: Partial<Omit<Toast, 'back'>> & { back?: (() => void) | null } = {}): void {
    if (back) this.#begin({ names: [], back })
    this.toast = { id: ++this.#count, text, note: '', until: Date.now() + this.#life(more.approval), leavesAt: 0, done: null, approval: null, back: !!back, ...more }
  }

  /** What was asked for was not done, and why. */
  refuse({ message }: Problem, detail: string): void {
    this.refusal = { id: ++this.#count, title: message, detail, rows: [], mark: null, again: null }
  }

  async #refused(problem: Problem, verb: Verb, rows: readonly Row[], again: () => void): Promise<void> {
    const notDone = await refusals().then(({ NOT_DONE }) => NOT_DONE[verb](this.#called(rows)), () => '')
    const mark = problem.status === 409 || problem.status === 412 ? await this.#whatBecameOf(rows) : null
    if (problem.status === 412) void queue.look() // what the cursor has gone on to stays under it
    const title = problem.status === 412 ? t('The queue has changed.') : problem.message
    const detail = problem.status === 412 ? `${problem.message} ${notDone} ${t('Review the messages and try again.')}` : notDone
    this.refusal = { id: ++this.#count, title, detail, rows, mark, again: problem.status >= 500 || problem.status === 401 ? again : null }
  }

  #called = (rows: readonly Row[]): string => (rows.length === 1 && rows[0] ? t('“{subject}”', { subject: calledOf(rows[0].lead) }) : plural('{n} message|{n} messages', rows.length))

  async #whatBecameOf(rows: readonly Row[]): Promise<Mark | null> {
    let last: Mark | null = null
    for (const row of rows.slice(0, 20)) {
      const mail = await api.delivery(row.lead.id).catch(() => null)
      if (!mail || mail.state === 'held') continue
      last = markOfDelivery(mail)
      queue.markAs(namesOf(row), last)
    }
    return last
  }

  /** Take back my last act that can still be taken back. What is on its way is what is meant: when it was not carried out, nothing is taken back. */
  async undoLast(): Promise<void> {
    if (this.unanswered.length) return live.unreachable(t('Nothing was undone.'))
    const act = this.#past.pop()
    if (act?.back) return act.back()
    await act?.answer
    if (act?.decision) return void (await this.takeBackDone(act as Done))
    if (act || this.busy) return
    const page = await api.decisions({ mine: true, limit: 20 }).catch(() => null)
    const last = page?.items.find((one) => one.undoable && !one.undone_by)
    if (last) return void (await this.takeBackDone({ decision: last, names: [] }))
    this.say(t('You have no decision to undo.'))
  }

  /** Take back an act of mine: at once while its toast lives and nothing has left, else it is named first. */
  async takeBackDone(done: Done): Promise<boolean> {
    if (!this.#isFresh(done)) {
      this.#past = [...this.#past.filter((one) => one !== done), done] // until it is taken back
      if (!(await this.#sure(done.decision.id))) return false
    }
    await this.undo(done)
    return true
  }

  /** Name a decision with its age, its person and its count, and ask whether it shall be taken back. */
  async #sure(id: string): Promise<boolean> {
    this.undoQuestion?.answer(false)
    try {
      const decision = await api.decision(id)
      return await new Promise<boolean>((resolve) => (this.undoQuestion = { decision, answer: (sure) => ((this.undoQuestion = null), resolve(sure)) }))
    } catch (thrown) {
      this.refuse(problemOf(thrown), t('Nothing was undone.'))
      return false
    }
  }

  async undo(done: Done, mine = true): Promise<void> {
    this.#forget(done)
    this.toast = null
    try {
      const undone = await secondLooks.confirmed((said) => api.undo(done.decision.id, mine, said), { title: t('Undo? This would release the message.'), act: t('Undo'), kept: t('Nothing was undone.') })
      if (!undone) return void this.#past.push(done)
      const stays = await done.approval?.drop().then(() => undefined, problemOf)
      this.#undone(done, undone)
      if (stays) this.refuse(stays, t('The rule was not changed.'))
    } catch (thrown) {
      const problem = problemOf(thrown)
      if (problem.passes || problem.status === 401) this.#past.push(done)
      if (problem.status === 0) return live.unreachable(t('Nothing was undone.'))
      this.refuse(problem, t('Nothing was undone.'))
    }
  }

  #undone(done: Done, undone: Decision): void {
    const missed = (undone.items ?? []).filter((item) => !CARRIED_OUT.has(item.outcome)).length
    const count = Math.max(done.decision.count, undone.count) // a stamp knows of its own row only
    queue.unmark(done.names)
    if (!this.#show(done.key)) void queue.reload()
    const one = done.subject ? t('Undone. “{subject}” is back.', { subject: done.subject }) : done.decision.sentence ? t('Undone: {sentence}', { sentence: done.decision.sentence }) : t('Undone.')
    this.say(count === 1 ? one : plural('Undone. {n} message is back.|Undone. {n} messages are back.', count - missed), { note: [inMailboxes(undone), missed ? t('{n} could not be undone.', { n: missed }) : ''].join(' ').trim() })
  }

  /** The cursor on this row, where it is held and here. */
  #show(key?: string): boolean {
    const row = queue.view.tab === 'held' && queue.rows.find((one) => one.key === key)
    if (row) queue.cursor = row.key
    return !!row
  }

  /** Undo a decision by name, from its stamp or from its page, a colleague's too: it is named first, but for a fresh one of mine. */
  undoById = async (id: string, rows: readonly Row[] = []): Promise<boolean> => {
    const mine = this.#past.find((one) => one.decision?.id === id) as Done | undefined
    if (mine) return this.takeBackDone(mine)
    if (!(await this.#sure(id))) return false
    const [first] = rows
    const count = Math.max(rows.reduce((sum, row) => sum + row.count, 0), 1)
    await this.undo({ decision: { id, count } as Decision, names: rows.flatMap(namesOf), key: first?.key, subject: first && calledOf(first.lead) }, false)
    return true
  }

  /** Campaigns were asked to be others; true when they are. */
  regroup(asked: Promise<Decision>, says: string): Promise<boolean> {
    const act = this.#begin({ names: [] })
    const work = this.#regroup(act, asked, says)
    act.answer = work
    return work
  }

  async #regroup(act: Act, asked: Promise<Decision>, says: string): Promise<boolean> {
    this.busy += 1
    this.toast = null
    try {
      const decision = await asked
      const done: Done = Object.assign(act, { decision, fresh: this.#freshFrom(performance.now(), decision) })
      queue.pickNone()
      this.say(says, { done })
      await queue.reload()
      return true
    } catch (thrown) {
      this.#forget(act)
      this.refuse(problemOf(thrown), t('The campaigns were not changed.'))
      return false
    } finally {
      this.busy -= 1
    }
  }

  /** What was assigned to a colleague is nobody's in particular again. */
  async takeBack(select: DecisionOrder['select']): Promise<void> {
    try {
      await api.handOver(select, '', '')
      this.say(t('Unassigned.'))
    } catch (thrown) {
      this.say(problemOf(thrown).message)
    }
    void queue.look()
  }

  /** Bring back what we have snoozed. */
  async wake(select: DecisionOrder['select']): Promise<void> {
    try {
      await api.snooze(select, null)
      this.say(t('Back in your queue.'))
    } catch (thrown) {
      this.say(problemOf(thrown).message)
    }
    void queue.reload()
  }

  /** Let it lie: marked here as looked at, nothing sent. */
  leave(rows: readonly Row[]): void {
    if (rows.length) this.#leave(rows)
    queue.advance()
    queue.pickNone()
  }

  #leave(rows: readonly Row[]): void {
    const names = undecided(rows)
    this.#stamp(names, 'leave')
    const back = () => {
      const kept = names.filter((name) => queue.marks.get(name)?.verb === 'leave')
      if (!kept.length) return void this.undoLast() // decided since, or out of sight: the act before is meant
      queue.unmark(kept)
      this.#show(rows[0]!.key)
      this.say(t('Undone.'))
    }
    this.say(t('{done} {what}.', { done: t('Skipped'), what: this.#called(rows) }), { back })
  }
}

export const desk = new Desk()
live.listen(() => live.state === 'live' && desk.askAgain())
addEventListener('beforeunload', (event) => { if (desk.busy || desk.unanswered.length) event.preventDefault() })
