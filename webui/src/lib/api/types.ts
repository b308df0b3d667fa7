// What the API says and hears: one interface for each JSON shape, field for field.

export type State = 'held' | 'queued' | 'relaying' | 'delivered' | 'bounced' | 'recalling' | 'restoring' | 'purged' | 'rejected' | 'expired'
export const STATES_ALL: readonly State[] = ['held', 'queued', 'relaying', 'delivered', 'bounced', 'recalling', 'restoring', 'purged', 'rejected', 'expired']
export type Verb = 'release' | 'redirect' | 'purge' | 'restore' | 'reject' | 'hold' | 'redeliver' | 'sweep' | 'take' | 'join' | 'split' | 'escalate'
export type Match = 'address' | 'domain' | 'subdomains' | 'list' | 'recipient' | 'campaign'
export type Effect = 'allow' | 'block' | 'redirect' | 'hold'

export interface Colleague { uid: string; name: string; department: string; department_name: string; mailbox: string }
export interface MailGroup { address: string; name: string; department_name: string; expand: boolean; closed: boolean; members: string[] }
export interface DirectoryState {
  departments: { code: string; name: string; mailbox: string; roles: string[]; responsible: string; people: number }[]
  people: number
  left: number
  groups: number
  changed_at: string | null
  changes: string[]
  more: number
  brake: { since: string; words: string } | null
}

export interface SavedSearch { id: string; name: string; q: string; tab: 'held' | 'decided' | 'all'; department: string | null; person: string | null; shared_with: string; by_shown: string; mine: boolean; held: number | null }

/** What somebody chose for their own console; null: the company's way, or the browser's. */
export interface Preferences {
  theme: 'light' | 'dark' | null
  density: 'compact' | null
  letters: 'alt' | null
  language: string | null
  group: 'campaign' | 'sender' | 'none' | null
  undo_seconds: number | null
  keys: Record<string, string> | null
}

export interface Me {
  login: string
  name: string
  role: 'triage' | 'admin' | 'auditor'
  scope: string[]
  company: { domains: string[]; mode: string; time_zone: string }
  undo_seconds: number
  preferences: Preferences
  stands_in_for: string[]
  recalls: boolean
  previews: boolean
  measures: boolean
  verbs: Verb[]
  last_sign_in: { at: string; client: string } | null
}

export interface CoveredFolder { code: string; name: string; held: number; on_duty: string[]; out_of_hours: string }
export interface CoverNow { out_of_hours: boolean; away_until: string | null; alarm: CoveredFolder[]; folders: CoveredFolder[]; restored: { since: string; backup_at: string } | null; removals: LargeRemoval[] }

/** Somebody removed many messages within the last day. */
export interface LargeRemoval { decision: string; at: string; by_shown: string; count: number; mine: boolean }

export interface Person { uid: string; name: string; held: number; sealed: boolean }
export interface Department { code: string; name: string; held: number; people: Person[]; shared_held: number; sealed: boolean }
export interface Addressee { kind: 'person' | 'department' | 'group'; to: string; name: string; place: string; mailbox: string }

/** How bad mail looks; the server says so. */
export type Severity = 'none' | 'unclear' | 'suspicious' | 'dangerous'

export interface Signal { name: string; sentence: string; weight: number; evidence: string[] }
export interface WhyHere { name: string; points: number; sentence: string }
export interface Decided { decision: string; verb: Verb | 'undo'; by: string; by_shown: string; at: string; undone: boolean }

/** Handed to a colleague, with a note. */
export interface HandedOver { to: string; to_shown: string; by_shown: string; at: string; note: string }

/** Somebody else who sits at a console; `delivery`: what they look at, if we may see it. */
export interface OtherHere { login: string; name: string; delivery: string | null }
export interface Presence { colleagues: OtherHere[]; handed: number }
export interface StaffMember { login: string; name: string; role: Me['role']; scope: string[]; source: string; active: boolean; away_until: string | null; sessions: number }
export interface Substitution { id: string; absent: string; substitute: string; starts_at: string; ends_at: string; reason: string; made_by: string }
/** One act on the record. */
export interface Act { id: string; at: string; by: string; act: string; subject: string; detail: Record<string, unknown>; items: number; sequence: number | null }
export interface Duty { name: string; title: string; phone: string; staff: string[] }
/** What the signals of a message suggest: escalate it, and fill no button that removes it. */
export interface Suggested { duty: string; title: string; phone: string; reason: string }
export interface EscalatedTo { decision: string; duty: string; title: string; phone: string; reason: string; by_shown: string; at: string; confirmed_at: string | null; confirmed_by_shown: string }
export interface Escalation { id: string; duty: string; title: string; phone: string; reason: string; at: string; by_shown: string; count: number; deliveries: string[]; hold: string; told: number; confirmed_at: string | null; confirmed_by_shown: string; ended_at: string | null; may_confirm: boolean }
export interface Candidate { login: string; name: string; away_until: string | null }

export interface Delivery {
  id: string
  message_id: string
  state: State
  received_at: string
  recipient: string
  department: string
  department_name: string
  person: string
  person_name: string
  mailbox: string
  note: string
  author: string
  author_name: string
  author_domain: string
  subject: string
  size: number
  attachments: number
  proof: string
  proven_as: string
  weight: number
  severity: Severity
  second_look?: LookName[]
  is_copy: boolean
  urgency: number
  why_here: WhyHere[]
  perishable_until: string | null
  lifetime_assumed: boolean
  verdict: { disposition: string; rule: string; reason: string }
  withheld: string
  campaign: string | null
  flood: boolean
  signals: Signal[]
  due_at: string | null
  attempts: number
  last_reply: string
  decided: Decided | null
  handed: HandedOver | null
  escalated: EscalatedTo | null
  escalation: Suggested | null
  sealed: boolean
  legal_hold: boolean
  expires_at: string | null
}

export interface Happening { at: string; by: string; act: string; detail: { bounce?: string; notice?: string }; sentence: string }
export interface Attempt { number: number; started_at: string; outcome: string; next_hop: string; reply: string }
export interface DeliveryStory extends Delivery { history: Happening[]; attempts_made: Attempt[] }

export interface Outgoing extends Delivery { next_hop: string }
export interface NextHop { next_hop: string; waiting: number; under_way: number; refused: number; unreachable: number; last_reply: string; next_try: string | null }

/** Somebody here asks for a mail of a card. */
export interface CardRequest { id: string; delivery: string; by_shown: string; at: string; words: string }
/** Somebody here finds a mail of a card odd. */
export interface CardReport { id: string; delivery: string; by_shown: string; at: string }
/** A mail of an employee's own, as they see it themselves. */
export interface OwnMail { id: string; author: string; author_name: string; subject: string; received_at: string; waits: boolean; gone_at: string | null; expires_at: string | null; asked_at: string | null; counted: boolean; declined: string; viewed: { at: string; by_shown: string }[] }
/** `more_…`: where more of it begins. `letter`: whether they get the daily letter; null where there is none. */
export interface OwnMails { items: OwnMail[]; more_waits: string | null; more_gone: string | null; letter: boolean | null; expected: Expectation[] }
/** From whom an employee expects mail. */
export interface Expectation { id: string; sender: string; words: string; until: string }
/** Somebody here finds a mail odd; `mail` is null where no such mail came through us to them. */
export interface MailReport { id: string; by_shown: string; at: string; how: string; author: string; subject: string; others: number; mail: Delivery | null }
export interface MailRequest { id: string; by_shown: string; taken_by_shown: string; at: string; words: string; mail: Delivery }

/** Which part of the queue a card stands in. */
export type Section = 'act-now' | 'time-limited' | 'rest'

export interface Card {
  key: string
  count: number
  apart: number
  people: number
  departments: number
  newest_at: string
  weight: number
  severity: Severity
  second_look?: LookName[]
  urgency: number
  section: Section
  perishable_until: string | null
  lifetime_assumed: boolean
  delivered: number
  opened: number | null
  expires_at: string | null
  requests: CardRequest[]
  reports: CardReport[]
  lead: Delivery
  ids: string[]
  select: Select
}

/** A place in the list of cards, where a page can begin. */

export interface Page<T> { items: T[]; next_cursor: string | null }
export interface DeliveryPage extends Page<Delivery> { total_estimate: number }
export interface CardPage extends Page<Card> { previous_cursor: string | null; position: number | null; total_deliveries: number; total_cards: number }

export interface Link { number: number; text: string; target: string; host: string; warnings: string[] }
export interface Attachment { number: number; name: string; media_type: string; size: number; sha256: string }

export interface Message {
  id: string
  received_at: string
  size: number
  subject: string
  author: string
  author_name: string
  reverse_path: string
  client: string
  helo: string
  tls: string
  to: string[]
  reply_to: string[]
  date: string
  message_id_field: string
  list_id: string
  authentication: { proof: string; sentence: string }
  signals: Signal[]
  links: Link[]
  attachments: Attachment[]
  problems: string[]
  hidden_pictures: number
  parsed: boolean
  sealed: boolean
  not_allowed?: string
  deliveries: Delivery[]
}

export interface Select {
  ids?: string[]
  sender?: string
  domain?: string
  campaign?: string | null
  proof?: string
  department?: string
  person?: string
  handed_to?: string
  q?: string
  states?: State[]
  since?: string
  until?: string
  any_of?: Select[]
  known?: boolean
}

export interface RuleWish {
  effect: Effect
  match: Match
  value?: string
  scope: string
  proof?: string
  until?: string
  note?: string
  risky?: boolean
  lapse_days?: number
  recipient?: string
  to?: string
  /** Of an allow along with a release: exactly these senders, and who is left out. */
  senders?: readonly string[]
  without?: readonly string[]
}

/** What changes of a rule: what is left out stays. */
export interface RuleChange { proof?: string; until?: string | null; lapse_days?: number; note?: string; risky?: boolean }

export interface Clash { kind: 'shadowed' | 'exception' | 'same'; rule_id: string; sentence: string }
export interface Trial { order: RuleWish & { value: string }; came: number; changed: number; people: number; against: number; sentence: string; doubt: string; clashes: Clash[]; step: number }
export interface Beside { rule: string; reason: string; rule_id: string | null }
export interface Case { proof: string; disposition: string; rule: string; rule_id: string | null; reason: string; beside: Beside[] }
export interface Explanation { then: Case | null; today: Case | null }
export interface Alarm { until: string; reason: string; by_shown: string; at: string; sentence: string }

export interface Rule {
  id: string
  effect: Effect
  match: Match
  value: string
  scope: string
  proof: string
  unproven_only: boolean
  risky: boolean
  author: string
  origin: string
  note: string
  created_at: string
  until: string | null
  recipient: string
  target: string
  doubt: string
  clashes: Clash[]
  lapse_days: number
  /** A block: until then it only holds what it stops. */
  holds_until: string | null
  refused: number
  used: number | null
  first_used_at: string | null
  last_used_at: string | null
  /** Only of one that was just made. */
  delivered?: DeliveredLately | null
}

/** What the sender or campaign of a block delivered in the last 14 days. */
export interface DeliveredLately { rule: string; value: string; messages: number; mailboxes: number; opened: number; select: Select | null; sentence: string }

export interface Evidence {
  count: number
  outside: number
  apart: number
  people: number
  departments: number
  by_state: Partial<Record<State, number>>
  in_mailboxes: number
  out_of_reach: number
  proven: number
  by_proof: Partial<Record<'dmarc' | 'aligned' | 'none', number>>
  opened: number
  answered: number
  least_weight: number
  least_severity: Severity
  senders: { author: string; count: number }[]
  subjects: { subject: string; count: number }[]
  needs: string[]
  confidential: string
  examples: Delivery[]
  least_alike: Delivery[]
  rules_contradicted: Rule[]
  caution: string
  fence: string
  allow: Allow | null
  removal: Removal | null
}

/** Why something needs a second look. */
export type LookName = 'danger-found' | 'own-domain-forged' | 'dmarc-fails' | 'new-bank-details' | 'no-longer-verified' | 'dangerous' | 'suspicious'
export interface SecondLook { name: LookName; sentence: string; count: number; example: string; author: string; subject: string }
export interface NeededLook { names: LookName[]; second_look: SecondLook[]; fence: string }

/** A rule as it was agreed to. */
export interface AgreedRule { match: Match; value: string; scope: string; proof: string }

/** One sender of messages that are to be released, before they are allowed. */
export interface AskedSender { sender: string; match: Match | ''; count: number; proof: 'genuine' | 'not_proven' | 'failed'; rests_on: string; severity: Severity; says: string[]; chosen: boolean; why_not: string }

/** Whom a release with an allow lets in: the server does exactly this. */
export interface Allow { senders: AskedSender[]; rules: AgreedRule[]; count: number; scope: string; reaches: { scope: string; scopes: string[]; let_in: number }[] }

/** Messages that a removal leaves alone, because their sender is wanted. */
export interface NotIncluded { sender: string; proven: boolean; count: number; why: 'contact' | 'allowed' | 'released'; of: string }
export type BlockKind = 'campaign' | 'domain' | 'address'
export interface PlannedBlock { match: BlockKind; value: string; count: number; unproven_only: boolean; stopped: number; released: number; ticked: boolean }
export interface NotBlocked { value: string; why: NotIncluded['why'] | 'own' | 'none' | 'impossible'; of: string; count: number }

/** What a removal will do: the server carries out exactly this. */
export interface Removal {
  severity: Severity
  default: 'remove' | 'remove_and_block'
  not_included: NotIncluded[]
  not_included_count: number
  blocks: PlannedBlock[]
  blocked: Record<BlockKind, number>
  would_have_stopped: number
  would_have_released: number
  not_blocked: NotBlocked[]
  not_blocked_count: number
  related: { count: number; by_kind: Partial<Record<'subject' | 'link' | 'network' | 'skeleton', number>>; examples: Delivery[] }
  scopes: string[]
  hold_hours: number
  block_days: number
  late_hours: number
}

/** Which blocks go along with a removal. */
export interface BlockWish { kinds: BlockKind[]; without?: string[]; also?: string[]; scope?: string }

export interface DecisionWish {
  verb: Verb
  select: Select
  reason?: string
  to?: string
  template?: string
  text?: string
  rule?: RuleWish
  block?: BlockWish
  expect?: number
  fence?: string
  confirm?: readonly string[]
  effort?: { keys: number; milliseconds: number }
}

/** The same mail sent many times. */
export interface Campaign {
  id: string
  mails: number
  deliveries: number
  held: number
  people: number
  departments: number
  senders: number
  first_at: string
  newest_at: string
  lead: Delivery
}

export interface CampaignDetail extends Campaign {
  made_by: string
  representatives: number
  by_state: { state: State; count: number }[]
  copies: number
  by_proof: { proof: string; count: number }[]
  by_sender: { author: string; count: number }[]
  by_subject: { subject: string; count: number }[]
  examples: Delivery[]
}

/** An address, or a whole domain; `by_address`: who writes from there. */
export interface SenderDetail {
  name: string
  mails: number
  deliveries: number
  held: number
  people: number
  departments: number
  first_at: string
  newest_at: string
  lead: Delivery
  by_state: { state: State; count: number }[]
  by_proof: { proof: string; count: number }[]
  by_name: { name: string; count: number }[]
  by_folder: { department: string; person: string; count: number }[]
  by_address: { author: string; count: number }[]
}

export interface Template { name: string; text: string }
export interface RejectionWish { select: Select; template?: string; text?: string }
export interface Rejection {
  letters: { message: string; to: string; text: string }[]
  messages: number
  deliveries: number
  refused: { reason: string; count: number }[]
}

export interface Outcome { delivery: string; before: State; outcome: string; why: string }

export interface Decision {
  id: string
  at: string
  by: string
  by_shown: string
  verb: Verb
  select: Select & { dry_run?: boolean }
  reason: string
  count: number
  done: number
  in_flight: number
  recalling: number
  restoring: number
  already_gone: number
  out_of_reach: number
  refused: number
  second_by_shown: string
  outside: number
  confidential: '' | 'asked' | 'left out'
  to: string
  in_mailboxes?: number
  agreed?: { rules: AgreedRule[]; left_out: { sender: string; count: number }[] }
  rules: Rule[]
  blocked: Partial<Record<BlockKind, number>>
  refused_meanwhile: number
  mailboxes: number
  mailboxes_left: number
  left: number
  related: number
  undone_by: string | null
  undoes: string | null
  undoable: boolean
  sentence: string
  items?: Outcome[]
}

/** An address that somebody here has written to. */
export interface Correspondent {
  id: string
  address: string
  state: 'known' | 'parked' | 'dropped'
  scope: string
  provenance: string
  sent: number
  heard: number
  lapses_at: string
}

/** A mail that lay beside the copies a decision took, since it bears or names their Message-ID. */
export interface RelatedMail {
  id: string
  delivery: string
  mailbox: string
  folder: string
  at: string
  bears: boolean
  ours: boolean
  author: string
  subject: string
  taken_by: string | null
}

export interface PendingAct {
  id: string
  kind: 'decision' | 'rule'
  needs: string[]
  items: string[]
  reason: string
  asked_by: string
  asked_by_shown: string
  asked_at: string
  lapses_at: string
  state: 'waiting' | 'confirmed' | 'declined' | 'withdrawn' | 'lapsed'
  settled_by_shown: string
  result_id: string | null
  sentence: string
  mine: boolean
}

/** A removal of a campaign asks us, as keepers of a confidential folder, to remove its copies there too. */
export interface KeepersRequest {
  id: string
  folder: string
  asked_by_shown: string
  asked_at: string
  lapses_at: string
  reason: string
  count: number
  delivered: number
  items: string[]
  state: 'waiting' | 'confirmed' | 'declined' | 'joined' | 'undone'
  result_id: string | null
  sentence: string
}

/** A mail to practise on, without its answer. */
export interface Exercise {
  card: string
  author_name: string
  author: string
  recipient: string
  subject: string
  written: string
  proof: string
  reply_to: string[]
  attachments: string[]
  links: { text: string; target: string }[]
}

export type PracticeAnswer = 'let-in' | 'keep-out'

export interface PracticeResult {
  right: boolean
  answer: PracticeAnswer
  gave_away: string[]
  counted: boolean
}

export interface PracticeScore {
  login: string
  answered: number
  right: number
  let_bad_in: number
  kept_good_out: number
  last_at: string
}

export type ProposalAnswer = 'accept' | 'refuse' | 'open'
export interface Proposal {
  id: string
  kind: 'correspondence' | 'sign-in' | 'list'
  match: string
  value: string
  proof: string
  sentence: string
  evidence: { people: number; wrote: number; mails: number; dmarc: number; unproven: number; perishable: number; recipients: number; would_pass: number; posts: number; subjects: string[] }
  state: 'open' | 'accepted' | 'refused'
  lane_shown: string
  answered_by_shown: string
  rule_id: string | null
  pending_id: string | null
}

/** Whether the door is closed for a department; code "": the company. */
export interface DepartmentMode {
  code: string
  name: string
  mode: 'enforce' | 'observe'
  by: string
  at: string | null
  reason: string
}

export type ReportCell = string | number | null
export interface ReportColumn { name: string; says: string; kind: 'text' | 'count' | 'number' | 'seconds' | 'share' | 'day' }
export interface ReportTable { name: string; title: string; columns: ReportColumn[]; rows: Record<string, ReportCell>[]; plot: { kind: 'bars' | 'lines' | 'week'; of: string[] } | null }

/** Sentences, and tables that say the same. */
export interface Report { name: string; title: string; since: string; until: string; time_zone: string; sentences: string[]; definition: string; tables: ReportTable[] }

/** What a person has confirmed, as the server wants it said. */
export interface Confirmed { confirm?: readonly string[]; fence?: string }
