// The typed client of /api/v1: every request goes through `call`, every failure is a Problem.
import { BASE, takeEarly } from './prefetch'
import { language, t } from '../i18n/i18n'
import { background } from '../browser/activity'
import { heardTime } from '../browser/serverTime'
import { asSentence } from '../i18n/format'
import type { ChangedProof, Recipient, Emergency, AlongRule, Campaign, CampaignDetail, Candidate, Comment, Comments, TriageItem, TriageItems, Contact, Coverage, Decision, DecisionOrder, DeliveredLately, Deliveries, DeliveryDetail, DutyShown, Enforcement, Escalation, Evidence, TrainingMessage, Explanation, FactorAsked, FaultyLine, Folders, Headers, Item, KnownFigures, ConfidentialRemoval, LookName, MadeRule, ReleaseRequest, Me, Message, NextHop, Note, NoteChange, Notes, NoteScopes, OutboundBrake, OutboundRun, PendingApproval, TrainingAnswer, TrainingResult, TrainingScore, Preferences, Presence, Proposal, ProposalAnswer, Rejection, RejectionOrder, RelatedMessage, Report, Rule, RuleChange, SecondLook, Select, Sender, SendingServices, SignInWays, Template, RuleTrial, RunOrder, TriedRule, OutgoingDelivery, Timeline, Opened, NotifyOrder, NoticesSent, UndecidedForecast } from '../schema/types'

/** A part of a long list, and where the next part begins. */
export interface Page<T> { items: T[]; next_cursor: string | null; looked_back_to?: string | null }

/** What a person has confirmed, as the server wants it said. */
export type Confirmed = Pick<ProposalAnswer, 'confirm' | 'fence'>

/** What has to be looked at twice first, as a refusal says it. */
export interface NeededLook { names: LookName[]; second_look: SecondLook[]; fence: string }

/** A refusal (status 400 and up) or no answer at all (status 0). `message` is the sentence to show. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    detail: string,
    readonly items: Item[] = [],
    readonly field = '',
    readonly look: NeededLook | null = null, // what has to be looked at twice first
    readonly factor = false, // it asks for the second factor once more
    readonly lines: readonly FaultyLine[] = [], // what is wrong in which line of a text
  ) {
    super(detail)
  }

  /** May it be otherwise when it is asked for again, as it is? */
  get passes(): boolean {
    return !this.status || this.status >= 500
  }
}

/** Does this wait for a second person's key? Then nothing is changed yet. */
export const isAsked = (made: object): made is PendingApproval => 'expires_at' in made

/** Any thrown thing as a Problem. */
export function problemOf(thrown: unknown): Problem {
  return thrown instanceof Problem ? thrown : new Problem(0, thrown instanceof Error ? thrown.message : String(thrown))
}

const PATIENCE = 30_000 // milliseconds that are waited for what can be asked for again under its name

type Words = Record<string, string | number | boolean | readonly string[] | undefined | null>

/** What is asked for, behind a path; "" for nothing. */
export function query(words: Words): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(words)) {
    if (value === undefined || value === null) continue
    if (Array.isArray(value)) value.forEach((one) => search.append(name, one))
    else search.append(name, String(value))
  }
  const text = search.toString()
  return text && `?${text}`
}

/** "value: " before a sentence names the JSON field, which means nothing to the reader. */
export const FIELD = /^[a-z_]+(\.[a-z_]+)*: /

const FACTOR_NEEDED = 'urn:mailroom:second-factor-needed'
const SECOND_LOOK = 'urn:mailroom:second-look'

async function answerOf(response: Response): Promise<Problem> {
  const fallback = t('The server answered {status}. Try again. If it happens again, tell your administrator.', { status: response.status })
  const body = await response.json().catch(() => ({}))
  const detail = typeof body.detail === 'string' && body.detail ? body.detail : body.title || fallback
  return new Problem(response.status, asSentence(detail.replace(FIELD, '')), body.items, body.field, body.type === SECOND_LOOK ? body : null, body.type === FACTOR_NEEDED, body.lines ?? [])
}

let notifyEnd: () => void = () => undefined

/** Be told when a session turns out to have ended. */
export const onEnd = (listener: () => void): void => void (notifyEnd = listener)

let proveFactor = async (): Promise<boolean> => false

/** Who asks for the second factor once more, where an act needs that. */
export const onFactorNeeded = (prover: typeof proveFactor): void => void (proveFactor = prover)

/** One request, and its answer as it came. */
export async function ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
  if (body !== undefined) headers['content-type'] = 'application/json'
  let response: Response
  try {
    response = await ((method === 'GET' && takeEarly(path)) || fetch(BASE + path, { method, headers: { 'accept-language': language, ...background(), ...headers }, credentials: 'same-origin', body: body === undefined ? null : JSON.stringify(body), signal: headers['idempotency-key'] ? AbortSignal.timeout(PATIENCE) : null }))
  } catch {
    throw new Problem(0, t('The server does not answer.'))
  }
  heardTime(response.headers.get('date'))
  if (response.status === 401 && !path.startsWith('/session') && !path.startsWith('/me/')) notifyEnd()
  if (response.ok) return response
  const problem = await answerOf(response)
  if (!problem.factor || !(await proveFactor())) throw problem
  return ask(method, path, body, headers)
}

export async function call<T>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<T> {
  const response = await ask(method, path, body, headers)
  return (response.status === 204 ? undefined : await response.json()) as T
}

const get = <T>(path: string, words: Words = {}) => call<T>('GET', path + query(words))

/** A fresh name for one try of one decision, so that a retry is not a second decision. */
export function freshKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export const api = {
  me: () => get<Me>('/me'),
  choose: (change: Partial<Preferences>) => call<Preferences>('PATCH', '/preferences', change),
  signIn: (login: string, password: string) => call<Me | FactorAsked>('POST', '/session', { login, password }),
  openBreakGlass: (login: string, first: string, second: string) => call<Me>('POST', '/session/break-glass', { login, first, second }),
  signInByProxy: () => call<Me | FactorAsked>('POST', '/session/proxy'),
  signInWays: () => get<SignInWays>('/session/ways'),
  providerSignIn: (name: string, return_to: string, fresh = false) => call<{ url: string }>('POST', `/session/providers/${name}`, { return_to, fresh }),
  signInOutcome: (key: string) => get<{ refused: string }>('/session/outcome', { key }),
  signOutAtProvider: () => call<{ url: string }>('POST', '/session/provider-logout'),
  signOut: () => call<void>('DELETE', '/session'),
  signOutEverywhere: () => call<{ ended: number }>('DELETE', '/sessions'),

  cover: () => get<Coverage>('/coverage'),
  away: (until: string | null) => call<void>('PUT', '/away', { until }),

  departments: (group: string) => get<Folders>('/departments', { group }),
  addressees: (q: string) => get<{ items: Recipient[] }>('/recipients', { q }),

  triage: (words: Words) => get<TriageItems>('/triage', words),
  deliveries: (words: Words) => get<Deliveries>('/deliveries', words),
  comments: (delivery: string, reason?: string) => get<Comments>(`/deliveries/${delivery}/comments`, { reason }),
  commentsOf: (row: Words, reason?: string) => get<Comments>('/comments', { ...row, reason }),
  comment: (delivery: string, text: string) => call<Comment>('POST', `/deliveries/${delivery}/comments`, { text }),
  undecided: (department: string, minutes: number) => get<UndecidedForecast>('/enforcement/undecided', { department, minutes }),
  notes: (open?: boolean) => get<Notes>('/shift-notes', { open }),
  noteScopes: () => get<NoteScopes>('/shift-notes/scopes'),
  writeNote: (text: string, scope: readonly string[]) => call<Note>('POST', '/shift-notes', { text, scope }),
  changeNote: (id: string, change: NoteChange) => call<Note>('PATCH', `/shift-notes/${id}`, change),
  delivery: (id: string) => get<DeliveryDetail>(`/deliveries/${id}`),
  message: (id: string, reason?: string) => get<Message>(`/messages/${id}`, { reason }),
  copies: (id: string) => get<Message>(`/messages/${id}`, { links: false }).then(({ deliveries }) => deliveries),
  headers: (id: string, reason?: string) => get<Headers>(`/messages/${id}/headers`, { reason }),

  preview: (select: Select, verb?: 'purge' | 'release', rule?: AlongRule) => call<Evidence>('POST', '/selections/preview', { select, ...(verb && { verb }), ...(rule && { rule }) }),
  decide: (wish: DecisionOrder, key: string) => call<Decision | PendingApproval>('POST', '/decisions', wish, { 'idempotency-key': key }),
  campaigns: (words: Words) => get<Page<Campaign>>('/campaigns', words),
  campaign: (id: string) => get<CampaignDetail>(`/campaigns/${encodeURIComponent(id)}`),
  timeline: (id: string) => get<Timeline>(`/campaigns/${encodeURIComponent(id)}/timeline`),
  opened: (id: string) => get<Opened>(`/campaigns/${encodeURIComponent(id)}/opened`),
  notifyOpened: (id: string, order: NotifyOrder) => call<NoticesSent>('POST', `/campaigns/${id}/opened`, order),
  joinCampaign: (id: string, into: string) => call<Decision>('POST', `/campaigns/${id}/join`, { into }),
  splitCampaign: (id: string, ids: readonly string[]) => call<Decision>('POST', `/campaigns/${id}/split`, { ids }),
  sender: (name: string) => get<Sender>(`/senders/${encodeURIComponent(name)}`),
  senderHistory: (name: string) => get<Report>(`/senders/${encodeURIComponent(name)}/history`),
  templates: () => get<{ items: Template[] }>('/rejections/templates'),
  previewRejection: (wish: RejectionOrder) => call<Rejection>('POST', '/rejections/preview', wish),
  undo: (id: string, mine = false, said: Confirmed = {}) => call<Decision>('POST', `/decisions/${id}/undo`, { mine, ...said }),
  related: (id: string) => get<{ items: RelatedMessage[] }>(`/decisions/${id}/related`),
  take: (id: string, copies: string[], reason: string) => call<Decision>('POST', `/decisions/${id}/related`, { copies, reason }),
  decision: (id: string) => get<Decision>(`/decisions/${encodeURIComponent(id)}`),
  decisions: (words: Words) => get<Page<Decision>>('/decisions', words),

  rules: (words: Words) => get<Page<Rule>>('/rules', words),
  addRule: (rule: TriedRule & Confirmed) => call<MadeRule | PendingApproval>('POST', '/rules', rule),
  deliveredLately: (id: string) => get<DeliveredLately>(`/rules/${id}/delivered`),
  offers: (select: Select) => call<{ items: RuleTrial[] }>('POST', '/rules/offers', { select }),
  rule: async (id: string): Promise<{ rule: Rule; etag: string }> => {
    const response = await ask('GET', `/rules/${id}`)
    return { rule: await response.json(), etag: response.headers.get('etag') ?? '' }
  },
  changeRule: (id: string, change: RuleChange & Confirmed, etag: string) => call<Rule>('PATCH', `/rules/${id}`, change, etag ? { 'if-match': etag } : {}),
  tryRule: (rule: TriedRule) => call<RuleTrial>('POST', '/rules/preview', rule),
  explain: (delivery: string) => call<Explanation>('POST', '/rules/explain', { delivery }),
  removeRule: (id: string) => call<void>('DELETE', `/rules/${id}`),

  presence: (delivery: string | null) => call<Presence>('PUT', '/presence', { delivery }),
  nextFree: (words: Words) => call<{ item: TriageItem | null }>('POST', '/presence/next', words),
  candidates: () => get<{ items: Candidate[] }>('/colleagues'),
  duties: () => get<{ items: DutyShown[] }>('/duties'),
  escalations: (words: Words) => get<Page<Escalation>>('/escalations', words),
  escalate: (select: Select, to: string, reason: string) => call<Escalation>('POST', '/escalations', { select, to, reason }),
  confirmEscalation: (id: string) => call<Escalation>('POST', `/escalations/${id}/confirm`, {}),
  snooze: (select: Select, until: string | null) => call<{ count: number }>('POST', '/snoozes', { select, until }),
  handOver: (select: Select, to: string, note: string) => call<{ count: number }>('POST', '/assignments', { select, to, note }),

  emergency: () => get<{ emergency: Emergency | null }>('/emergency'),
  closeEmergency: () => call<void>('DELETE', '/emergency'),
  contacts: (words: Words) => get<Page<Contact>>('/contacts', words),
  settleCorrespondents: (verb: 'accept' | 'remove', ids: string[]) => call<{ count: number }>('POST', `/contacts/${verb}`, { ids }),

  proposals: (words: Words) => get<Page<Proposal> & { total_estimate: number }>('/rules/proposals', words),
  takeProposals: () => call<{ items: Proposal[]; open: number; answered: number }>('POST', '/rules/proposals/batch'),
  layBackProposals: () => call<void>('DELETE', '/rules/proposals/batch'),
  answerProposal: (id: string, answer: ProposalAnswer['answer'], said: Confirmed = {}) => call<Proposal>('POST', `/rules/proposals/${id}`, { answer, ...said }),

  requests: (words: Words) => get<Page<ReleaseRequest> & { open: number; reported: number; outside: number }>('/requests', words),
  declineRequest: (id: string, reason: string) => call<void>('POST', `/requests/${id}/decline`, { reason }),

  approvals: () => get<{ items: PendingApproval[] }>('/approvals'),
  keepersRequests: () => get<{ items: ConfidentialRemoval[] }>('/confidential-removals'),
  answerKeepersRequest: (id: string, verb: 'confirm' | 'decline', expect: number) => call<ConfidentialRemoval>('POST', `/confidential-removals/${id}/${verb}`, { expect }),
  settleApproval: (id: string, verb: 'confirm' | 'decline', said: Confirmed = {}) => call<PendingApproval>('POST', `/approvals/${id}/${verb}`, { ...said }),

  enforcement: (days: number) => get<Enforcement>('/enforcement', { days }),

  trainingMessages: () => get<{ items: TrainingMessage[] }>('/training/messages'),
  answerTraining: (message: string, answer: TrainingAnswer) => call<TrainingResult>('POST', '/training/answers', { message, answer }),
  trainingScores: () => get<{ items: TrainingScore[] }>('/training/scores'),
  knownFigures: () => get<KnownFigures>('/training/known-messages'),

  reports: (period: { since?: string; until?: string }) => get<{ items: Report[] }>('/reports', period),

  queue: () => get<{ items: OutgoingDelivery[]; next_hops: NextHop[] }>('/outgoing'),
  retry: (id: string) => call<void>('POST', `/outgoing/${id}/retry`),
  holdQueued: (id: string) => call<void>('POST', `/outgoing/${id}/hold`),
  giveUp: (id: string) => call<void>('POST', `/outgoing/${id}/give-up`),
  sendingServices: () => get<SendingServices>('/sending-services'),
  outboundBrakes: () => get<{ items: OutboundBrake[] }>('/outgoing/brakes'),
  decideBrake: (id: string, verb: 'release' | 'remove' | 'restore') => call<OutboundBrake>('POST', `/outgoing/brakes/${id}/${verb}`, {}),
  changedProofs: () => get<{ items: ChangedProof[] }>('/changed-proofs'),
  settleProof: (domain: string, verb: 'renew' | 'refuse' | 'undo', order: { ways?: string[] } = {}) => call<ChangedProof>('POST', `/changed-proofs/${encodeURIComponent(domain)}/${verb}`, order),
  outboundRuns: () => get<{ items: OutboundRun[] }>('/outgoing/runs'),
  announceRun: (order: RunOrder) => call<OutboundRun>('POST', '/outgoing/runs', order),
  endRun: (id: string) => call<void>('DELETE', `/outgoing/runs/${id}`),
  queueAll: (verb: 'retry' | 'hold' | 'give-up', nextHop: string) => call<{ count: number }>('POST', `/outgoing/${verb}`, { next_hop: nextHop }),
}

/** Addresses that the browser itself opens: the framed view, downloads, the stream of changes. */
export const at = {
  view: (message: string, mode: 'html' | 'text', reason?: string) => `${BASE}/messages/${message}/view` + query({ mode, reason, language }),
  attachment: (message: string, number: number, reason?: string) => `${BASE}/messages/${message}/attachments/${number}` + query({ reason }),
  trainingView: (message: string) => `${BASE}/training/messages/${encodeURIComponent(message)}/view` + query({ language }),
  report: (name: string, table: string, period: { since?: string; until?: string }) => `${BASE}/reports/${name}` + query({ format: 'csv', table, ...period }),
  senderHistory: (name: string, table: string) => `${BASE}/senders/${encodeURIComponent(name)}/history` + query({ format: 'csv', table }),
  decisions: (filter: Words) => `${BASE}/decisions` + query({ ...filter, format: 'csv', language }),
  incident: (campaign: string, format: 'pdf' | 'json') => `${BASE}/campaigns/${campaign}/incident` + query({ format, language }),
  events: () => `${BASE}/events`,
}
