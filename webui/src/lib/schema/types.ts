// What the API says and hears: a type for each schema of the API. `make reference` writes this file, nobody edits it.

/** An administrator's answer about the owners of addresses. */
export interface AddressAnswer {
  addresses: readonly string[]
  /** true: the address goes to who claims it; false: it stays */
  approve: boolean
}

/** An address that the directory gives to another owner. It stays with the old one until an administrator approves. */
export interface AddressChange {
  address: string
  /** full name of who has it */
  owner: string
  /** full name of who would have it */
  claimant: string
  /** The folder of one of the two is confidential. */
  confidential: boolean
  /** the sync that found it */
  since: string
  /** `approved`: the next sync carries it out */
  state: AddressChangeState
}

export type AddressChangeState = 'waiting' | 'approved' | 'declined'

/** Changes of owners of addresses. */
export interface AddressChanges {
  items: AddressChange[]
}

/** Consent of the person who released messages and allowed their senders. */
export interface Agreed {
  /** also rules that were in force before, as far as you may see them */
  rules: AgreedRule[]
  left_out: LeftOutSender[]
}

/** A rule that somebody agreed to. */
export interface AgreedRule {
  match: RuleMatch
  value: string
  scope: string
  proof: string
  /** encrypted files pass too */
  encrypted: boolean
}

/** Senders whom a release with an allow rule allows. A decision with these senders, this scope and the fence does exactly that. */
export interface Allow {
  senders: SenderConsent[]
  /** exactly those that are made, or are in force already */
  rules: AgreedRule[]
  /** messages that are released: those of the chosen senders */
  count: number
  scope: string
  /** the narrowest first */
  reaches: AllowScope[]
  /** they are held for nothing but an encrypted file: `rule.encrypted` lets further ones of the sender pass */
  only_encrypted: boolean
  /** what each rule allows, as the decision will say it */
  sentences: string[]
}

/** For whom they could be allowed. */
export interface AllowScope {
  /** for `rule.scope`; empty: each of those whom the messages are for */
  scope: string
  /** of the rules that are made */
  scopes: string[]
  /** messages of the last 30 days that would have been released */
  would_allow: number
}

/** A rule along with a decision. Of several senders an allow names each: nobody is allowed unnamed. */
export interface AlongRule {
  value?: string
  scope?: string
  proof?: string
  until?: string | null
  note?: string
  risky?: boolean
  /** an allow: passes whatever the message says; no check of known senders holds it */
  unchecked?: boolean
  /** an allow: encrypted files pass for this person or department; programs never do */
  encrypted?: boolean
  /** a block: of forgeries alone; messages that prove their sender still arrive */
  unproven_only?: boolean
  /** ends so many days after the last message either way; 0: never */
  lapse_days?: number
  /** redirect: only messages to this address of ours */
  recipient?: string
  /** redirect: person:UID, department:CODE or an address of ours */
  to?: string
  /** hold: every message from the sender is held until a date (two weeks when it names none); its note says why */
  effect: Effect
  /** domain: in an allow that domain alone, else everything below it too; subdomains: with all below it */
  match: Match
  /** allow, without `value`: exactly these senders, as the preview names them; 412 if others */
  senders?: readonly string[]
  /** senders who are left out: not allowed, and their messages stay held */
  without?: readonly string[]
}

/** A place in the list of rows. */
export interface Anchor {
  /** of the first row there, from 0 */
  position: number
  at: string
}

/** Places for jumping into a long list. They may be half a minute old: each leads to where its row was. */
export interface Anchors {
  items: Anchor[]
  total_items: number
}

/** The first code of a new app. */
export interface AppOrder {
  ticket: string
  code: string
}

export type ApprovalState = 'waiting' | 'confirmed' | 'declined' | 'withdrawn' | 'expired'

/** The ARC chain. */
export interface Arc {
  result: string
  sealer: string
  instances: number
  reason: string
}

/** The deliveries of one day about which one rule decided the same. */
export interface Arrivals {
  day: string
  rule: string
  disposition: string
  /** in record-only mode: the rule that would have held them */
  withheld: string
  count: number
}

/** Messages received a day, the newest day first. */
export interface ArrivalsReport {
  items: Arrivals[]
}

export type AskedMatch = 'address' | 'domain' | 'subdomains' | 'list' | 'recipient' | 'content'

/** A colleague to assign the message to. */
export interface AssignOrder {
  select: Select
  /** login; empty: no longer assigned */
  to: string
  note?: string
}

/** Number of assigned messages. */
export interface AssignedCount {
  count: number
}

/** A colleague to whom a held message is assigned, with a note. */
export interface Assignment {
  /** login */
  to: string
  to_name: string
  by_name: string
  at: string
  note: string
}

/** An attachment by its description. */
export interface Attachment {
  number: number
  name: string
  media_type: string
  size: number
  sha256: string
}

/** Attempt to deliver a message. */
export interface Attempt {
  number: number
  started_at: string
  outcome: string
  next_hop: string
  reply: string
}

/** Page of the audit log, newest first. */
export interface AuditEntries {
  items: AuditEntry[]
  next_cursor: string | null
  /** A filter that ran out of time has looked at all entries since then; `next_cursor` looks further. */
  looked_back_to: string | null
}

/** Entry of the audit log; `sequence` is null until it is chained. */
export interface AuditEntry {
  id: string
  at: string
  by: string
  act: string
  subject: string
  detail: Record<string, unknown>
  items: number
  sequence: number | null
}

/** Authentication results, the proof they make, and a sentence. */
export interface Authentication {
  spf: Spf[]
  dkim: Dkim[]
  arc: Arc
  dmarc: Dmarc
  proof: string
  sentence: string
}

/** Start or end of an absence. */
export interface AwayOrder {
  login?: string
  until?: string | null
}

/** Message that would have been delivered, and that somebody removed or reported. */
export interface BadMessage {
  delivery: string
  message: string
  received_at: string
  author: string
  subject: string
  removed: boolean
  reported: boolean
}

export type BlockKind = 'campaign' | 'domain' | 'address'

/** Blocks to make with a removal, as its preview lists them. */
export interface BlockOrder {
  /** which kinds */
  kinds?: readonly BlockKind[]
  /** values of blocks that are left out */
  without?: readonly string[]
  /** values of blocks that were not ticked and are made all the same */
  also?: readonly string[]
  /** for whom; empty: as far as your scope reaches, or the folder that is selected */
  scope?: string
}

/** The directory was not believed: nothing of it was taken over. */
export interface Brake {
  since: string
  sentence: string
}

/** Reason of a decision about an outbound brake. */
export interface BrakeOrder {
  reason?: string
}

export type BrakeState = 'open' | 'reported' | 'released' | 'removed'

/** A message that an employee's account sent. */
export interface BrakedMessage {
  id: string
  /** as its author wrote it; empty where its content is erased */
  subject: string
  at: string
  /** new ones */
  recipients: number
}

/** A campaign, as far as it is in your scope. */
export interface Campaign {
  id: string
  /** each however many people it was for */
  messages: number
  deliveries: number
  held: number
  people: number
  departments: number
  senders: number
  first_at: string
  newest_at: string
  /** the newest of it */
  lead: Delivery
}

/** A campaign with what it is made of; the ten most frequent of each. */
export interface CampaignDetail {
  id: string
  /** each however many people it was for */
  messages: number
  deliveries: number
  held: number
  people: number
  departments: number
  senders: number
  first_at: string
  newest_at: string
  /** the newest of it */
  lead: Delivery
  /** system:judge, or who split it off */
  made_by: string
  /** messages that new ones are compared with */
  representatives: number
  /** deliveries that are decided about together: `select.proof` is `copies` */
  copies: number
  by_state: StateCount[]
  by_proof: ProofCount[]
  by_sender: SenderCount[]
  by_subject: SubjectCount[]
  /** the newest five */
  examples: Delivery[]
}

/** Event in the life of a campaign. */
export interface CampaignMoment {
  at: string
  /** of several copies: when the last one came, or left its mailbox */
  until: string | null
  /** `late`: removed on arrival after the first removal; `missed`: came after it, and no block removed it on arrival */
  kind: 'first' | 'copies' | 'report' | 'decision' | 'undo' | 'mailboxes' | 'notified' | 'late' | 'missed'
  sentence: string
  /** copies that it is about */
  count: number
  decision: string | null
}

/** Page of campaigns, those with the most messages first. */
export interface Campaigns {
  items: Campaign[]
  next_cursor: string | null
}

/** Colleague to whom messages can be assigned. */
export interface Candidate {
  login: string
  name: string
  away_until: string | null
}

/** Staff who can be assigned a message, by name. */
export interface Candidates {
  items: Candidate[]
}

/** Outcome under one assumption about the sender's proof. */
export interface Case {
  /** dmarc, aligned, dkim:DOMAIN, arc:DOMAIN or none */
  proof: string
  disposition: string
  rule: string
  rule_id: string | null
  reason: string
  other_rules: OtherRule[]
}

/** Preview of a category that is carried out. */
export interface CategoryOrder {
  /** of the preview: what it shows is what is allowed */
  fence: string
}

/** Rules whose ends were changed together, or would be; `former` as `ends`, with this `rules_fence`, undoes it. */
export interface ChangedEnds {
  /** less than asked for where a rule is removed or over already */
  count: number
  /** newest first; of a dry run as they are */
  rules: Rule[]
  former: FormerEnd[]
  rules_fence: string
}

/** A domain that proves itself in another way than before, with its messages in your scope. */
export interface ChangedProof {
  domain: string
  /** new, or renewed or refused within the last seven days */
  state: ProofState
  /** its new ways, as renewing and refusing name them */
  ways: string[]
  /** its new ways, in words */
  now: string[]
  /** its usual ways, in words */
  before: string[]
  first_at: string
  last_at: string
  /** with the new proof */
  messages: number
  /** whom they are for */
  people: number
  /** deliveries that wait for a decision, as they have other warnings */
  held: number
  /** on which such messages were delivered; after policy.renew_proof_days it renews by itself */
  days: number
  renewed_at: string | null
  /** who renewed or refused it; empty: it renewed by itself or is new */
  by_name: string
}

/** The domains that send differently, the newest first. */
export interface ChangedProofs {
  items: ChangedProof[]
}

/** A check of who sent a message: a result of this server or of a trusted edge, never what a sender states. */
export interface Check {
  method: string
  result: string
  domain: string
  /** with the author's domain; null where that does not apply */
  aligned: boolean | null
  why: string
}

export type CheckMode = 'off' | 'trial' | 'holds' | 'fuse'

export type CheckName = 'bank-details' | 'password-form' | 'link-text' | 'attachment' | 'disguised' | 'account'

/** Some of them. */
export interface ChosenContacts {
  ids: readonly string[]
}

/** Conflict of a rule with another one. */
export interface Clash {
  /** shadowed: it never takes effect; exception: it goes first; same: said already */
  kind: ClashKind
  rule_id: string
  sentence: string
}

export type ClashKind = 'shadowed' | 'exception' | 'same'

/** A code word: a first message to you with it in the subject is expected. It proves nothing and releases nothing. */
export interface CodeWord {
  id: string
  word: string
  until: string
}

/** Ask for a code word for somebody outside. */
export interface CodeWordOrder {
  /** a note that staff see with the message */
  for_whom: string
  /** at most 90 days away; null: as long as an expected sender */
  until?: string | null
}

/** Employee of the directory. */
export interface Colleague {
  uid: string
  name: string
  department: string
  department_name: string
  mailbox: string
}

/** Comment of staff about a message. */
export interface Comment {
  id: string
  at: string
  /** the actor */
  by: string
  by_name: string
  text: string
}

/** A comment about a message. */
export interface CommentOrder {
  text: string
}

/** Comments about a message, oldest first. */
export interface Comments {
  items: Remark[]
}

/** The company, as the console shows it. */
export interface Company {
  domains: string[]
  enforcement: 'record-only' | 'hold-dangerous' | 'hold-unknown'
  time_zone: string
}

export type ConditionName = 'attachment_hash' | 'link_domain' | 'reply_to' | 'author' | 'list' | 'attachment_name' | 'wording' | 'signal' | 'attachment_kind' | 'language' | 'direction'

/** A removal of a campaign asks to remove its copies in a confidential folder too, as a keeper of the folder sees it. */
export interface ConfidentialRemoval {
  id: string
  /** department:CODE or person:UID */
  folder: string
  asked_by_name: string
  asked_at: string
  expires_at: string
  /** of the removal, as they said it */
  reason: string
  /** copies in the folder now */
  count: number
  /** of them in mailboxes */
  delivered: number
  /** ids of the newest deliveries, at most 20 */
  items: string[]
  state: 'waiting' | 'confirmed' | 'declined' | 'joined' | 'undone'
  /** of the keeper's own decision, once it is confirmed */
  result_id: string | null
  sentence: string
}

/** A keeper's answer. */
export interface ConfidentialRemovalAnswer {
  reason?: string
  /** the count that the keeper saw; 412 when it is another one by now */
  expect?: number | null
}

/** Requests to the keepers, the newest first. */
export interface ConfidentialRemovals {
  items: ConfidentialRemoval[]
  next_cursor: string | null
}

/** An address that somebody here has written to, and what that is worth. */
export interface Contact {
  id: string
  address: string
  /** uid of who wrote; "" for a role address */
  person: string
  department: string
  /** their name */
  writer: string
  /** pending: until staff accept it; removed: staff said no */
  state: ContactState
  how: string
  /** for whom it is known */
  scope: string
  /** who wrote, when, in which mail */
  provenance: string
  message_id: string
  sent: number
  /** proven messages that came back */
  replies: number
  learned_at: string
  last_sent_at: string
  last_message_at: string
  expires_at: string
}

export type ContactState = 'known' | 'pending' | 'removed'

/** Page of contacts, newest first. */
export interface Contacts {
  items: Contact[]
  next_cursor: string | null
}

/** To how many it was done. */
export interface Count {
  count: number
}

/** Current coverage of the folders. */
export interface Coverage {
  out_of_hours: boolean
  /** of the one who asks; null: on duty */
  away_until: string | null
  /** for administrators: folders with nobody on duty */
  uncovered: CoveredFolder[]
  /** those in scope */
  folders: CoveredFolder[]
  /** nothing is sent on yet, since a backup was restored; null: all goes on */
  restored: Restored | null
  /** large removals, for administrators and whom `notices.removal_recipients` names */
  removals: LargeRemoval[]
}

/** A department's folder and who looks after it now. */
export interface CoveredFolder {
  code: string
  name: string
  held: number
  /** logins of staff who are here */
  on_duty: string[]
  /** wait, pass-time-limited or substitute:LOGIN */
  out_of_hours: string
}

/** A sign-in. */
export interface Credentials {
  login: string
  password: string
}

/** The last decision about a delivery. */
export interface Decided {
  decision: string
  verb: DecisionVerb
  by: string
  by_name: string
  at: string
  undone: boolean
}

/** A decision and what became of each delivery (the first 500; `GET /decisions/{id}/items` has all). */
export interface Decision {
  id: string
  at: string
  by: string
  by_name: string
  verb: DecisionVerb
  select: Record<string, unknown>
  reason: string
  count: number
  done: number
  in_flight: number
  /** being taken out of mailboxes; done when this and in_flight are 0 */
  recalling: number
  /** being put back into mailboxes */
  restoring: number
  /** not in the mailbox any more when they were to be removed */
  already_gone: number
  out_of_reach: number
  refused: number
  /** the second person who approved it, where one was needed */
  second_by_name: string
  /** in the selection but outside the decider's scope: left as they are */
  outside: number
  /** the names of the second look that the decider confirmed */
  confirmed: string[]
  /** confidential folders closed to the decider: their keepers are asked, or not */
  confidential: '' | 'asked' | 'left out'
  to: string
  /** made with it, without the blocks of a removal */
  rules: Rule[]
  /** blocks made with a removal: how many campaigns, domains, addresses */
  blocked: Partial<Record<BlockKind, number>>
  /** copies that these blocks refused at SMTP time: an undo does not restore them */
  refused_meanwhile: number
  /** of a sweep or a taking: mailboxes to look through */
  mailboxes: number
  mailboxes_left: number
  /** of a large decision: deliveries that it has not come to yet */
  left: number
  /** related messages in the same mailboxes, which may be removed too */
  related: number
  undone_by: string | null
  undoes: string | null
  undoable: boolean
  sentence: string
  /** of a removal, with `GET /decisions/{id}`: what took copies on to where it does not reach */
  passed_on: PassedOn[]
  /** of messages to send: deliveries that the next hop has not answered yet */
  unsent: number
  /** of what it released: deliveries that are in mailboxes now */
  in_mailboxes: number
  /** of a release with an allow; empty else */
  agreed: Agreed
  /** of a sweep: mailboxes that cannot be searched */
  not_searched: MissedMailbox[]
  items: Item[]
}

/** Page of the outcomes of a decision's deliveries, by their ids. */
export interface DecisionItems {
  items: Item[]
  next_cursor: string | null
}

/** Act of a person over a selection. */
export interface DecisionOrder {
  verb: Verb
  select: Select
  reason?: string
  /** Target of a redirect. */
  to?: string
  /** Text for rejected senders: a name of `GET /rejections/templates`. */
  template?: string
  /** Or this text. */
  text?: string
  /** redeliver: only what is not in the mailbox any more, where that can be seen */
  look_first?: boolean
  rule?: AlongRule | null
  /** purge: also block what the preview lists under `removal.blocks` */
  block?: BlockOrder | null
  expect?: number | null
  fence?: string | null
  /** the names of the second look that you confirm: exactly those of the preview, together with its `fence`, else 409 */
  confirm?: readonly string[]
  /** For reports; kept only where reports.staff lets it be measured. */
  effort?: Effort | null
}

/** A decision without its items. */
export interface DecisionSummary {
  id: string
  at: string
  by: string
  by_name: string
  verb: DecisionVerb
  select: Record<string, unknown>
  reason: string
  count: number
  done: number
  in_flight: number
  /** being taken out of mailboxes; done when this and in_flight are 0 */
  recalling: number
  /** being put back into mailboxes */
  restoring: number
  /** not in the mailbox any more when they were to be removed */
  already_gone: number
  out_of_reach: number
  refused: number
  /** the second person who approved it, where one was needed */
  second_by_name: string
  /** in the selection but outside the decider's scope: left as they are */
  outside: number
  /** the names of the second look that the decider confirmed */
  confirmed: string[]
  /** confidential folders closed to the decider: their keepers are asked, or not */
  confidential: '' | 'asked' | 'left out'
  to: string
  /** made with it, without the blocks of a removal */
  rules: Rule[]
  /** blocks made with a removal: how many campaigns, domains, addresses */
  blocked: Partial<Record<BlockKind, number>>
  /** copies that these blocks refused at SMTP time: an undo does not restore them */
  refused_meanwhile: number
  /** of a sweep or a taking: mailboxes to look through */
  mailboxes: number
  mailboxes_left: number
  /** of a large decision: deliveries that it has not come to yet */
  left: number
  /** related messages in the same mailboxes, which may be removed too */
  related: number
  undone_by: string | null
  undoes: string | null
  undoable: boolean
  sentence: string
}

export type DecisionVerb = 'release' | 'redirect' | 'purge' | 'reject' | 'restore' | 'hold' | 'redeliver' | 'deliver' | 'sweep' | 'take' | 'hunt' | 'join' | 'split' | 'escalate' | 'undo'

/** Page of decisions, newest first. */
export interface Decisions {
  items: DecisionSummary[]
  next_cursor: string | null
}

/** A declined request; the employee can read the reason. */
export interface DeclineOrder {
  reason?: string
}

/** Messages that the blocked sender or campaign had delivered in the last 14 days, in your scope; `select` is for their removal. */
export interface DeliveredLately {
  rule: string
  value: string
  messages: number
  mailboxes: number
  /** as far as is known: read, or answered since */
  opened: number
  /** as `POST /selections/preview` takes it; null: there is nothing */
  select: Record<string, unknown> | null
  /** 12 messages in 9 mailboxes, 3 opened. Remove them too? */
  sentence: string
}

/** Page of deliveries, newest first. */
export interface Deliveries {
  items: Delivery[]
  next_cursor: string | null
  total_estimate: number
  /** A search counts no further than it looks: there may be more. */
  total_is_at_least: boolean
  /** A search that ran out of time has looked at everything that came since then; `next_cursor` looks further. */
  looked_back_to: string | null
}

/** A message for one recipient. */
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
  /** How it was addressed, where that is worth a sentence. */
  note: string
  author: string
  author_name: string
  author_domain: string
  /** Its author is unclear: `author` is whom it claims to be from, and proves nothing. */
  claimed: boolean
  subject: string
  size: number
  attachments: number
  proof: string
  /** Who proves to have sent it: a domain, at a free-mail provider an address; empty: nobody. */
  proven_as: string
  /** 0-100: the sum of the signals' risks. */
  risk: number
  /** How bad it looks: by its risk and by dangers found in it. */
  severity: Severity
  /** why releasing it has to be confirmed, the weightiest reason first; empty: it is not asked */
  second_look: LookName[]
  /** One of the copies of its campaign, which are decided about together. */
  is_copy: boolean
  /** 0-100. It sorts the queue and decides nothing. */
  priority: number
  /** What changes the priority, the greatest change first. It starts at 50. */
  why_here: WhyHere[]
  /** When its code or link expires, also when that is over. Null: it has no deadline, or none that counts, because the sender's own domain is not verified, does not fit what the message says, or the message looks suspicious. */
  time_limited_until: string | null
  /** The message does not say when that is: it is what is usual. */
  lifetime_assumed: boolean
  verdict: Verdict
  withheld: string
  /** the same mail sent many times; null: like no other */
  campaign: string | null
  /** The campaign is a mail bomb, whose messages differ. crowd: of many senders to one folder; sender: of one sender; alerts: verified messages that came during a mail bomb. Empty: it is none. */
  flood: FloodOf
  signals: Signal[]
  due_at: string | null
  attempts: number
  last_reply: string
  decided: Decided | null
  /** While it is held. */
  assigned: Assignment | null
  /** The last escalation that was not undone. */
  escalated: EscalatedTo | null
  /** Escalate it rather than remove it; null for most messages. */
  escalation: Suggested | null
  /** The act that the evidence speaks for, to offer it first. It decides nothing. Empty: the evidence conflicts, or it is not held. */
  suggested_act: SuggestedAct
  /** Only named staff see it; opening it needs a reason. */
  confidential: boolean
  /** It must be kept: it is neither expired nor erased. */
  legal_hold: boolean
  /** when held mail is put away because nobody decided; null: it is not */
  expires_at: string | null
  /** number of comments of staff about this copy */
  comments: number
}

/** A delivery with everything that happened to it, oldest first. */
export interface DeliveryDetail {
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
  /** How it was addressed, where that is worth a sentence. */
  note: string
  author: string
  author_name: string
  author_domain: string
  /** Its author is unclear: `author` is whom it claims to be from, and proves nothing. */
  claimed: boolean
  subject: string
  size: number
  attachments: number
  proof: string
  /** Who proves to have sent it: a domain, at a free-mail provider an address; empty: nobody. */
  proven_as: string
  /** 0-100: the sum of the signals' risks. */
  risk: number
  /** How bad it looks: by its risk and by dangers found in it. */
  severity: Severity
  /** why releasing it has to be confirmed, the weightiest reason first; empty: it is not asked */
  second_look: LookName[]
  /** One of the copies of its campaign, which are decided about together. */
  is_copy: boolean
  /** 0-100. It sorts the queue and decides nothing. */
  priority: number
  /** What changes the priority, the greatest change first. It starts at 50. */
  why_here: WhyHere[]
  /** When its code or link expires, also when that is over. Null: it has no deadline, or none that counts, because the sender's own domain is not verified, does not fit what the message says, or the message looks suspicious. */
  time_limited_until: string | null
  /** The message does not say when that is: it is what is usual. */
  lifetime_assumed: boolean
  verdict: Verdict
  withheld: string
  /** the same mail sent many times; null: like no other */
  campaign: string | null
  /** The campaign is a mail bomb, whose messages differ. crowd: of many senders to one folder; sender: of one sender; alerts: verified messages that came during a mail bomb. Empty: it is none. */
  flood: FloodOf
  signals: Signal[]
  due_at: string | null
  attempts: number
  last_reply: string
  decided: Decided | null
  /** While it is held. */
  assigned: Assignment | null
  /** The last escalation that was not undone. */
  escalated: EscalatedTo | null
  /** Escalate it rather than remove it; null for most messages. */
  escalation: Suggested | null
  /** The act that the evidence speaks for, to offer it first. It decides nothing. Empty: the evidence conflicts, or it is not held. */
  suggested_act: SuggestedAct
  /** Only named staff see it; opening it needs a reason. */
  confidential: boolean
  /** It must be kept: it is neither expired nor erased. */
  legal_hold: boolean
  /** when held mail is put away because nobody decided; null: it is not */
  expires_at: string | null
  /** number of comments of staff about this copy */
  comments: number
  history: HistoryEntry[]
  attempts_made: Attempt[]
}

/** Say whether one wants the daily digest. */
export interface DigestOrder {
  wanted: boolean
}

/** The directory as it was taken over last. */
export interface DirectoryState {
  departments: triage_api__schemas__access__people__Place[]
  people: number
  left: number
  distribution_lists: number
  /** null before the first sync */
  changed_at: string | null
  /** of the last change, in words */
  changes: string[]
  /** changes that are not among them */
  more: number
  brake: Brake | null
  /** for who administers or audits the whole company; else empty */
  address_changes: AddressChange[]
}

/** A distribution list. Members: the mailboxes that get a copy when something is released to it; none outside your scope. */
export interface DistributionList {
  address: string
  name: string
  department: string
  department_name: string
  expand: boolean
  /** It takes mail from inside only: what comes from outside is refused at the door. */
  closed: boolean
  aliases: string[]
  members: string[]
}

/** Page of distribution lists. */
export interface DistributionLists {
  items: DistributionList[]
  next_cursor: string | null
}

/** DKIM signature and its result. */
export interface Dkim {
  result: string
  domain: string
  selector: string
  algorithm: string
  identity: string
  reason: string
  /** it covers List-Id too */
  signs_list: boolean
}

/** The DMARC result. */
export interface Dmarc {
  result: string
  domain: string
  organisational_domain: string
  policy: string
  aligned: string[]
  reason: string
  /** the trusted edge that found it; empty: we did */
  origin: string
}

/** All duties. */
export interface Duties {
  items: DutyShown[]
}

/** A duty to which messages are escalated. */
export interface DutyShown {
  name: string
  title: string
  /** empty: the settings name none */
  phone: string
  /** logins of those who confirm; empty: whoever decides */
  staff: string[]
}

export type Effect = 'allow' | 'block' | 'redirect' | 'hold'

/** Work that the decision took the person. */
export interface Effort {
  /** Keys and buttons pressed since the row came under the cursor. */
  keys: number
  /** Time since then. */
  milliseconds: number
}

/** URL to which the browser goes next. */
export interface Elsewhere {
  url: string
}

/** Emergency, in which everything passes that is neither blocked nor forged. */
export interface Emergency {
  until: string
  reason: string
  by_name: string
  at: string
  sentence: string
}

/** The emergency; null in ordinary times. */
export interface EmergencyNow {
  emergency: Emergency | null
}

/** An emergency to open: its end, and the reason. */
export interface EmergencyOrder {
  until: string
  reason: string
}

/** Number of ended sessions. */
export interface Ended {
  ended: number
}

/** Rules whose ends are to be changed together. */
export interface EndsOrder {
  ends: readonly RuleEnd[]
  /** only look whose ends would be changed */
  dry_run?: boolean
  /** of a dry run or an earlier change: 412 where a rule has changed since */
  rules_fence?: string | null
  /** the names of the second look that you confirm: exactly those of the preview, together with its `fence`, else 409 */
  confirm?: readonly string[]
  /** of the second look, as the 409 said it */
  fence?: string | null
}

/** The steps in force, and what to know about them. */
export interface Enforcement {
  items: ScopeStep[]
  /** departments where messages are held and nobody on duty looks at them */
  warnings: string[]
}

/** A step for a scope. */
export interface EnforcementOrder {
  scope?: string
  /** null: forget what was set and planned. hold-everything: people only */
  step: 'record-only' | 'hold-dangerous' | 'hold-unknown' | 'hold-everything' | null
  /** default: a stricter step begins on the next working day at 08:00, any other at once */
  starts_at?: string | 'now' | 'default'
  /** the end of a learning phase */
  ends_at?: string | null
  /** tell the employees concerned by email what changes, and from when on */
  notify?: boolean
  /** hold-everything: name in the person's daily digest what is held for their assistant */
  note?: boolean
  /** `delivers` of the preview; if it has changed since, nothing is done (409, stale) */
  expect?: number | null
  reason?: string
}

/** Effect of a step before it is set. */
export interface EnforcementPreview {
  scope: string
  /** in force at the start */
  step: 'record-only' | 'hold-dangerous' | 'hold-unknown' | 'hold-everything'
  /** null: at once */
  starts_at: string | null
  /** held messages of known senders that are delivered at once, undoable as one decision */
  delivers: number
  /** the others of these: they look suspicious or worse and stay for a decision */
  kept: number
  /** hold-everything: delivered messages of the last `days` that it would have held */
  holds: number
  days: number
  /** uids of people who get an email whatever `notify` says */
  tells: string[]
}

/** An erasure, and how far it is. */
export interface Erasure {
  id: string
  /** empty when it is done */
  address: string
  /** stands where the address or the uid stood */
  pseudonym: string
  with_rules: boolean
  reason: string
  asked_at: string
  asked_by_name: string
  second_by_name: string
  /** whose rows were emptied */
  deliveries: number
  /** whose bytes were erased */
  contents: number
  /** deliveries that a legal hold keeps */
  kept: number
  /** rules that still name the address */
  rules_left: number
  done_at: string | null
}

/** A person whose data is to be erased, and the reason. The reason stays in the audit log: name nobody in it. */
export interface ErasureOrder {
  /** an address outside; or of somebody here their address or uid */
  address: string
  reason: string
  /** Rules about the address go too. Without it a block is kept, and names it. */
  with_rules?: boolean
}

/** Page of erasures. */
export interface Erasures {
  items: Erasure[]
  next_cursor: string | null
}

/** To which duty a message was escalated, and who confirmed it. */
export interface EscalatedTo {
  /** `POST /escalations/{decision}/confirm` confirms it, an undo of the decision ends it */
  decision: string
  duty: string
  title: string
  phone: string
  reason: string
  by_name: string
  at: string
  /** null: nobody of the duty has confirmed it */
  confirmed_at: string | null
  confirmed_by_name: string
}

/** A decision that escalated messages to a duty. */
export interface Escalation {
  /** of the decision; `POST /decisions/{id}/undo` ends the escalation and its legal hold */
  id: string
  duty: string
  title: string
  phone: string
  reason: string
  at: string
  by_name: string
  /** messages */
  count: number
  /** of them those in your scope */
  deliveries: string[]
  /** the legal hold that keeps the evidence */
  hold: string
  /** people and addresses that got a notice */
  notified: number
  confirmed_at: string | null
  confirmed_by_name: string
  /** when it was undone */
  ended_at: string | null
  /** you are of the duty, and nobody has confirmed it */
  may_confirm: boolean
}

/** Escalation of messages to a duty, with the reason. */
export interface EscalationOrder {
  select: Select
  /** security, management, legal or data-protection, as the settings name them */
  to: string
  reason: string
  /** refuse when another number is selected */
  expect?: number | null
}

/** Page of escalations, newest first. */
export interface Escalations {
  items: Escalation[]
  next_cursor: string | null
}

/** Content of a selection, to be checked before a decision. `fence` changes when the selection does. */
export interface Evidence {
  count: number
  /** that the selection names too, beyond your scope; a search for words is not counted */
  outside: number
  /** of the same campaign or sender, left out because their proof differs */
  apart: number
  people: number
  departments: number
  by_state: Partial<Record<State, number>>
  /** delivered already; a purge takes them out */
  in_mailboxes: number
  /** delivered already, and there is no way into the mailboxes */
  out_of_reach: number
  proven: number
  /** without a clear author: who they claim to be from proves nothing */
  claimed: number
  /** how it is proven who sent them */
  by_proof: Partial<Record<'dmarc' | 'aligned' | 'none', number>>
  /** read or answered, as the mailbox said when a recall took the copy out */
  opened: number
  /** whose reader has written to the sender since */
  answered: number
  /** 0 to 100: of the least suspicious of them */
  least_risk: number
  /** how bad the least bad of them looks */
  least_severity: Severity
  senders: SenderCount[]
  subjects: SubjectCount[]
  examples: Delivery[]
  /** those with least in common with the others: look at these first */
  least_alike: Delivery[]
  rules_contradicted: Rule[]
  /** the selection is all of a public mail provider: how many people that is; empty else */
  caution: string
  /** why a removal needs a second person: large-purge, remove-delivered; empty: it needs nobody else */
  needs: string[]
  /** what a removal says of confidential folders that are closed to you; empty: it reaches none of them */
  confidential: string
  fence: string
  /** with an allow along: whom it allows, from the code that then does it */
  allow: Allow | null
  /** with a verb or an allow: what a decision has to `confirm`; empty: nothing is asked */
  second_look: SecondLook[]
  /** with an allow: senders whom it cannot be about */
  not_allowed: NotAllowed[]
  /** with `verb`: what a removal does, from the code that then does it */
  removal: Removal | null
}

/** Mail that one expects. */
export interface ExpectedSender {
  id: string
  /** an address or a domain; or the code word, in small letters */
  sender: string
  /** a code word that you gave somebody */
  code_word: boolean
  /** of a code word: for whom it is */
  comment: string
  until: string
}

/** An expected sender, as announced. */
export interface ExpectedSenderMade {
  id: string
}

/** Say from whom one expects mail. */
export interface ExpectedSenderOrder {
  /** an address or a domain */
  sender: string
  comment?: string
}

/** A sender and a recipient, or a delivery. */
export interface ExplainOrder {
  sender?: string
  to?: string
  list_id?: string
  delivery?: string | null
}

/** Outcome for a sender's messages to somebody here; or the reason of a decision, and today's outcome. */
export interface Explanation {
  sender: string
  to: string
  department: string
  person: string
  mailbox: string
  note: string
  cases: Case[]
  delivery: string | null
  then: Case | null
  today: Case | null
}

/** A value that rows have, and how many do. */
export interface Facet {
  /** `severity`, `verified`, `attachments` or `language` */
  name: string
  value: string
  /** as far as the other filters show them */
  rows: number
}

/** A sign-in that needs a second factor. */
export interface FactorAsked {
  factors: FactorCounts
  /** The account has none, and its role must have one: an app is set up first. */
  set_up: boolean
  /** path of the console to open afterwards */
  return_to: string
}

/** The second factors of an account. */
export interface FactorCounts {
  /** an authenticator app */
  app: boolean
  passkeys: number
  /** that are left */
  recovery_codes: number
}

/** A second factor: one of these. */
export interface FactorGiven {
  /** of the authenticator app */
  code?: string
  recovery_code?: string
  /** of the passkey's options, where they had one */
  ticket?: string
  /** PublicKeyCredential.toJSON() */
  passkey?: Record<string, unknown> | null
}

/** A line of a file that is wrong. */
export interface FaultyLine {
  line: number
  reason: string
}

/** Result of a check. */
export interface Finding {
  /** warn: it works now, but will fail later; fail: it does not work */
  level: 'ok' | 'warn' | 'fail'
  /** what was checked */
  what: string
  /** what was found, in English */
  found: string
  /** what to do, in English; empty if ok */
  do: string
}

/** Findings of the checks that the api role may run: none that needs the network or another role's secrets. */
export interface Findings {
  /** when the checks ran, at most a minute ago */
  at: string
  items: Finding[]
  next_cursor: null
}

/** Kinds of mail bombs; the row of each has a title of its own. */
export type FloodOf = '' | 'crowd' | 'sender' | 'alerts'

/** A department with the folders of its people. */
export interface Folder {
  code: string
  name: string
  held: number
  /** of the queue, that you find there; one that spans several people counts once */
  rows: number
  /** of `rows`, those of known senders' messages that are held for an assistant */
  known_rows: number
  shared_held: number
  shared_rows: number
  people: PersonFolder[]
  /** To you: you see how much waits, not what. */
  confidential: boolean
}

export type FolderAccess = 'content' | 'count'

/** Number of messages to a folder. */
export interface FolderCount {
  department: string
  /** uid; empty: the department's shared folder */
  person: string
  count: number
}

/** Readers of a folder; those who read its messages come first. */
export interface FolderReaders {
  /** `department:CODE` or `person:UID` */
  folder: string
  name: string
  /** confidential folders that it is or lies in; empty: it is not confidential */
  confidential: string[]
  readers: Reader[]
  /** who else reads it, in sentences */
  notes: string[]
}

/** The departments in your scope, and how many rows the queue has, without those that you have snoozed. */
export interface Folders {
  items: Folder[]
  /** of the whole queue; one that spans several departments counts once */
  rows: number
  /** rows that are assigned to you */
  assigned_rows: number
  /** of `rows`, those of known senders' messages that are held for an assistant */
  known_rows: number
}

/** End that a rule had. */
export interface FormerEnd {
  rule: string
  until: string | null
  lapse_days: number
}

/** Grant of a token; people may what their role lets them. */
export type Grant = 'read' | 'decide' | 'rules' | 'learn' | 'admin'

/** The header block as received, with control characters made visible, and what it says of the way. */
export interface Headers {
  text: string
  /** It is longer; the source has all of it. */
  truncated: boolean
  /** Oldest first; at most 50 by Received fields, the newest, and the arrival here. */
  hops: Hop[]
  /** older Received fields */
  hops_left_out: number
  checks: Check[]
}

/** Messages of known senders that are held for a person's assistant only because of Hold everything. */
export interface HeldKnown {
  /** messages that another step delivers */
  delivered: number
  /** messages that look suspicious or worse: they stay for a decision */
  kept: number
}

/** Event in the history of a delivery. */
export interface HistoryEntry {
  at: string
  by: string
  act: string
  detail: Record<string, unknown>
  sentence: string
}

/** The same, and why. */
export interface HoldOrder {
  next_hop?: string
  ids?: readonly string[]
  reason?: string
}

/** A server handed the message to the next, as a Received field states it. */
export interface Hop {
  /** empty: the field names nobody */
  sent_by: string
  address: string
  /** empty: the field names nobody, or `ours` */
  received_by: string
  protocol: string
  /** null: the field states no time with its offset from UTC */
  at: string | null
  /** seconds since the last hop with a time; below 0 where the clocks differ */
  delay: number | null
  /** this server's own record; every other hop is a claim */
  ours: boolean
}

/** A hunt and how far it is: numbers, and no word of any message. */
export interface Hunt {
  id: string
  at: string
  by: string
  by_name: string
  reason: string
  criteria: HuntCriteria
  /** waiting: for a second person; listed: its messages can be seen */
  state: 'counting' | 'counted' | 'waiting' | 'listing' | 'listed' | 'closed'
  /** messages that fit */
  found: number
  mailboxes: number
  mailboxes_left: number
  /** mailboxes with such a message */
  mailboxes_hit: number
  /** who agreed that its messages are shown */
  second_by_name: string
  /** mailboxes that were not searched to the end */
  not_searched: MissedMailbox[]
  sentence: string
}

/** Criteria of a hunt. */
export interface HuntCriteria {
  subject: string
  message_id: string
  sender: string
  link: string
  sha256: string
  since: string
}

/** The evidence sheet of a removal. */
export interface HuntEvidence {
  count: number
  mailboxes: number
  /** that their owners have read */
  read: number
  /** from contacts */
  known: number
  /** that came through Mailroom: remove their deliveries */
  ours: number
  /** that a decision removes already */
  taken: number
  /** the most frequent ones */
  senders: [string, number][]
  subjects: [string, number][]
  first_at: string | null
  newest_at: string | null
  /** ids for the removal */
  removable: string[]
  /** of the removable ones, for the removal */
  fence: string
}

/** Criteria to search every mailbox for; all that is given must fit. */
export interface HuntOrder {
  /** part of the subject */
  subject?: string
  /** the whole Message-ID */
  message_id?: string
  /** an author's address; * and ? stand for other letters */
  sender?: string
  /** host of a link, or one above it; with a slash: part of a target */
  link?: string
  /** SHA-256 of an attachment */
  sha256?: string
  /** received since then; by default 31 days ago */
  since?: string | null
  reason: string
}

/** Messages to preview the removal of. */
export interface HuntPreview {
  /** ids; null: all */
  messages?: readonly string[] | null
  /** also those from contacts */
  known?: boolean
}

/** Reason for the second person. */
export interface HuntReason {
  reason?: string
}

/** Messages to remove from their mailboxes, as a preview named them. */
export interface HuntRemoval {
  messages: readonly string[]
  /** of the preview; 412 when the messages have changed */
  fence: string
  /** also those from contacts */
  known?: boolean
  reason?: string
}

/** A message in a mailbox that a hunt found. */
export interface HuntedMessage {
  id: string
  mailbox: string
  folder: string
  at: string
  author: string
  subject: string
  /** its owner has read it */
  read: boolean
  /** its author is a contact */
  known: boolean
  /** it came through Mailroom: remove this delivery */
  delivery: string | null
  /** the decision that removes it */
  claimed_by: string | null
  /** of that decision */
  outcome: '' | 'removed' | 'not there' | 'out of reach'
}

/** Messages that a hunt found, by mailbox. */
export interface HuntedMessages {
  items: HuntedMessage[]
}

/** Hunts, the newest first. */
export interface Hunts {
  items: Hunt[]
  next_cursor: string | null
}

/** Outcome of an import, line by line. */
export interface ImportResult {
  made: number
  /** rules that were there already */
  kept: number
  /** rules on content that a second person has to approve: none was made */
  left_out: LeftOut[]
  /** of new blocks: what to remove too, the most first, at most 20 of them */
  delivered: DeliveredLately[]
  /** dry_run: what has to be confirmed, as the 409 says it */
  second_look: SecondLook[]
  /** dry_run: the allow rules that would release these messages */
  rules: RuleToConfirm[]
  /** dry_run: for `confirm` */
  fence: string
  /** dry_run: the rule of each line, of the first 500 */
  lines: ImportedLine[]
}

/** Rule that a line of an import makes, or that is in force already. */
export interface ImportedLine {
  line: number
  is_new: boolean
  rule: Rule
}

/** Incident record of a campaign, without messages that are confidential to you. */
export interface Incident {
  campaign: string
  subject: string
  made_at: string
  made_by: string
  first_at: string
  newest_at: string
  first_removed_at: string | null
  /** oldest first */
  copies: IncidentCopy[]
  opened: IncidentCopy[]
  out_of_reach: IncidentCopy[]
  /** came after the first removal, and a block stopped them */
  late: IncidentCopy[]
  removals: IncidentAct[]
  reports: IncidentReport[]
  /** what took copies on to where no removal reaches */
  passed_on: PassedOn[]
  /** attachments of the newest 200 messages */
  files: IncidentFile[]
}

/** Removal of copies. */
export interface IncidentAct {
  decision: string
  at: string
  by: string
  second_by: string
  verb: 'purge' | 'reject' | 'sweep' | 'take'
  reason: string
  copies: number
  undone_at: string | null
}

/** Copy: for whom it was, and what became of it. */
export interface IncidentCopy {
  delivery: string
  received_at: string
  author: string
  subject: string
  recipient: string
  /** name; empty for a shared folder */
  person: string
  department: string
  /** of the message as received */
  sha256: string
  state: string
  /** by the recipient, as far as the mailbox server tells */
  opened: '' | 'read' | 'answered'
  removed_at: string | null
  removed_by: string
  /** of the removal; `on arrival`: a block stopped it */
  outcome: string
  /** what was in the way of the removal */
  why: string
  /** when staff notified the recipient that it was removed */
  notified_at: string | null
  out_of_reach: boolean
}

/** An attachment. */
export interface IncidentFile {
  name: string
  sha256: string
  size: number
}

/** An employee who reported a copy. */
export interface IncidentReport {
  at: string
  by: string
  verdict: '' | 'good' | 'bad'
}

/** Outcome of one delivery. */
export interface Item {
  delivery: string
  before: State
  outcome: string
  why: string
}

/** Report of a message of a row as suspicious. */
export interface ItemReport {
  id: string
  delivery: string
  by_name: string
  at: string
}

/** Release request for a message of a row. */
export interface ItemRequest {
  id: string
  delivery: string
  by_name: string
  at: string
  comment: string
}

/** Member of staff who has snoozed a row. */
export interface ItemSnooze {
  login: string
  name: string
  /** when it is back in their queue */
  until: string
}

/** Campaign into which another one is merged. */
export interface JoinOrder {
  /** the other campaign */
  into: string
  reason?: string
}

/** Address that an employee knows. */
export interface Known {
  /** uid, or any address of theirs; a role address stands for its department */
  employee: string
  address: string
  /** when they wrote last; left out: now */
  at?: string | null
  message_id?: string
}

/** Hits and misses with known messages. People are in the order of their names, and never ranked. */
export interface KnownFigures {
  own: KnownTally
  /** for administrators and auditors of the whole company, once `reports.least_people` have answered; null else */
  team: KnownTally | null
  /** for the same, where `reports.staff` is `people`; empty else */
  people: KnownPersonTally[]
}

/** Answers of a member of staff to known messages. */
export interface KnownPersonTally {
  login: string
  tally: KnownTally
}

/** Answers to known messages of the last year. */
export interface KnownTally {
  answered: number
  right: number
  /** harmful ones that were released */
  bad_released: number
  /** harmless ones that were removed */
  good_removed: number
}

export type Lane = 'employees' | 'partners'

/** Large removal within the last day that nobody has undone. */
export interface LargeRemoval {
  decision: string
  at: string
  by_name: string
  /** messages, without those of confidential folders */
  count: number
  mine: boolean
}

/** A sign-in. */
export interface LastSignIn {
  at: string
  /** network address */
  client: string
}

/** Outcome of learning contacts. */
export interface Learned {
  /** new addresses */
  learned: number
  /** that were there already */
  known: number
  pending: number
  /** what was not learned, by reason */
  skipped: Record<string, number>
}

/** A line of an import that a second person has to approve: its rule is made alone. */
export interface LeftOut {
  line: number
  reason: string
}

/** A sender who was left out. */
export interface LeftOutSender {
  /** empty: messages that name no sender */
  sender: string
  count: number
}

/** Mail that must be kept. It is about a person or about a selection. */
export interface LegalHold {
  id: string
  /** uid; empty: it is about `select` */
  person: string
  select: Record<string, unknown>
  reason: string
  made_at: string
  made_by_name: string
  lifted_at: string | null
  lifted_by_name: string
  lifted_reason: string
  /** that it keeps, or has kept */
  deliveries: number
}

/** A legal hold to add, with its reason: `person` or `select`. A selection may not name states. */
export interface LegalHoldOrder {
  /** uid */
  person?: string
  select?: Select | null
  reason: string
}

/** Page of legal holds. */
export interface LegalHolds {
  items: LegalHold[]
  next_cursor: string | null
}

/** Contacts that a script reports. */
export interface Lessons {
  items: readonly Known[]
}

/** Reason for lifting a hold. */
export interface LiftOrder {
  reason: string
}

/** Link of a message: its real target, and its warnings. */
export interface Link {
  number: number
  text: string
  target: string
  host: string
  warnings: string[]
  /** name of the picture or document whose QR code it is; empty for other links */
  code_in: string
}

export type LookName = 'danger-found' | 'own-domain-forged' | 'dmarc-fails' | 'new-bank-details' | 'no-longer-verified' | 'dangerous' | 'suspicious' | 'matches-many' | 'removes-wanted' | 'not-all-looked-at'

/** A rule that was just made. */
export interface MadeRule {
  id: string
  effect: RuleEffect
  match: RuleMatch
  value: string
  scope: string
  proof: string
  unproven_only: boolean
  risky: boolean
  /** an allow: passes whatever the message says; no check of known senders holds it */
  unchecked: boolean
  /** an allow: encrypted files pass for this person or department; programs never do */
  encrypted: boolean
  recipient: string
  /** redirect: where such mail goes */
  target: string
  author: string
  origin: string
  note: string
  created_at: string
  until: string | null
  lapse_days: number
  /** a block: until then it holds, and neither refuses nor removes */
  holds_until: string | null
  /** a block: copies that were refused at SMTP time */
  refused: number
  /** null where that would tell of mail beyond your scope */
  used: number | null
  first_used_at: string | null
  last_used_at: string | null
  /** why it may never work, or hit more than is meant, as far as was known when it was made */
  doubt: string
  /** how it stands to other rules that reach all of its mail */
  clashes: Clash[]
  /** of a rule on content */
  conditions: Partial<Record<ConditionName, string[]>>
  /** a rule on content: since then it does nothing */
  paused_at: string | null
  /** of a block: what to remove too; null: nothing */
  delivered: DeliveredLately | null
}

/** A token with its key, which is shown this once. */
export interface MadeToken {
  id: string
  name: string
  grants: Grant[]
  scope: string[]
  made_by: string
  made_at: string
  expires_at: string
  /** last use, to half a minute; null: never */
  used_at: string | null
  /** network address of the last use */
  client: string
  revoked_at: string | null
  revoked_by: string
  /** false when it is over or revoked, or its maker may no longer do so */
  in_force: boolean
  key: string
}

/** A link with its key, which is shown this once. */
export interface MadeWebmailLink {
  id: string
  name: string
  made_at: string
  expires_at: string
  /** last use, to half a minute; null: never */
  used_at: string | null
  /** network address of the last use: that of the webmail server */
  client: string
  key: string
}

export type Match = 'address' | 'domain' | 'subdomains' | 'list' | 'recipient'

/** The person who is signed in, and their rights. */
export interface Me {
  login: string
  name: string
  role: Role
  scope: string[]
  company: Company
  /** How long what you release waits. */
  undo_seconds: number
  preferences: Preferences
  /** Logins whose scope is yours too, for now. */
  substitutes_for: string[]
  /** can mail be taken back out of mailboxes? */
  recalls: boolean
  /** Are attachments shown as pictures? */
  previews: boolean
  /** Why attachments are not shown as pictures; empty when they are. */
  no_previews: string
  /** Is it wanted that decisions tell their effort? */
  measures: boolean
  /** May they decide about employees' outgoing messages that wait? */
  looks_after_outgoing: boolean
  verbs: Verb[]
  /** before this one; null at the first */
  last_sign_in: LastSignIn | null
  /** At which they signed in; null: another way. */
  provider: ProviderShown | null
  /** What a token may do; null for people. */
  grants: Grant[] | null
}

/** A message with those of its deliveries that the asker may see. */
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
  authentication: Authentication
  signals: Signal[]
  links: Link[]
  attachments: Attachment[]
  problems: string[]
  hidden_pictures: number
  parsed: boolean
  /** Opening its content asks for a reason. */
  confidential: boolean
  /** why no allow rule can be about its sender, and what to do; empty: one can */
  not_allowed: string
  /** of staff, about the copies in your scope */
  comments: number
  deliveries: Delivery[]
}

/** Report of a suspicious message that staff have not answered yet. */
export interface MessageReport {
  id: string
  /** who reports it: employees, or a partner company from outside */
  lane: Lane
  /** the employee, or the address at the partner company */
  by_name: string
  at: string
  /** how the mail was found: trace field, message id, content, sender and subject, similar; empty: not */
  how: string
  author: string
  subject: string
  /** how many more report the same mail */
  others: number
  /** null: no such mail came through us to them; of a partner, their message to us */
  delivery: Delivery | null
}

/** Open reports in your scope, the newest first. */
export interface MessageReports {
  items: MessageReport[]
  next_cursor: string | null
}

/** Text of a message, with control characters made visible. */
export interface MessageText {
  text: string
}

/** A mailbox that could not be looked through yet. */
export interface MissedMailbox {
  mailbox: string
  why: string
}

/** Number of messages in which a sender uses a display name. */
export interface NameCount {
  name: string
  count: number
}

/** Data for an authenticator app. */
export interface NewApp {
  /** names this app until its first code comes, for ten minutes */
  ticket: string
  /** base32 */
  secret: string
  /** otpauth URI */
  uri: string
  /** rows of the URI's QR code: 1 is dark */
  rows: string[]
}

/** A token that somebody asks for. */
export interface NewToken {
  /** What it is for. */
  name: string
  /** What it may do. */
  grants: readonly Grant[]
  /** company, department:CODE or person:UID */
  scope?: readonly string[]
  /** Left out: 90 days from now. At most 366. */
  until?: string | null
}

/** A link that somebody asks for. */
export interface NewWebmailLink {
  /** Which webmail it is. */
  name: string
}

/** State of the messages for one next hop. */
export interface NextHop {
  /** its address for administrators; `server-1` and so on for everybody else */
  next_hop: string
  waiting: number
  under_way: number
  refused: number
  unreachable: number
  last_reply: string
  next_try: string | null
}

/** Some deliveries by id, or everything that waits for one next hop. */
export interface NextHopOrder {
  next_hop?: string
  ids?: readonly string[]
}

/** The row that is yours now; null: nobody else left one. */
export interface NextItem {
  item: TriageItem | null
}

/** Rows from which to reserve the next free one. */
export interface NextOrder {
  /** Grouping of rows; a row always has one proof. */
  group?: 'campaign' | 'sender' | 'none'
  /** `priority`: in sections. `risk`: the most dangerous first. `wait`: the oldest first. `sender`: by address. */
  sort?: 'priority' | 'risk' | 'wait' | 'sender'
  /** of the worst message of a row */
  severity?: readonly Severity[]
  /** whether DMARC proves every message of a row */
  verified?: boolean | null
  /** whether a message of a row has one */
  attachments?: boolean | null
  /** of the whole row, like `de`; `unknown` for others */
  language?: readonly string[]
  department?: string | null
  /** uid; empty: the department's shared folder */
  person?: string | null
  q?: string
  /** keys of rows that you have left for others */
  skip?: readonly string[]
}

/** A sender whom no allow rule can be made about from these messages. */
export interface NotAllowed {
  /** address or domain, as the rule would name it */
  sender: string
  /** deliveries of theirs */
  count: number
  /** damaged: a record is damaged in the database; flood: part of a mail bomb; list: it hides its authors and signs nothing; own: our own domain; unproven: no proof that a rule could rest on */
  why: 'damaged' | 'flood' | 'list' | 'own' | 'unproven'
  /** what could be done instead */
  instead: string
}

/** A sender who is not blocked along. */
export interface NotBlocked {
  value: string
  /** own: our domain; none: no address; flood: all senders of a mail bomb together, without a value */
  why: 'own' | 'contact' | 'allowed' | 'released' | 'none' | 'impossible' | 'flood'
  of: string
  count: number
}

/** Messages that a removal leaves alone, because their sender is wanted. */
export interface NotIncluded {
  sender: string
  /** it is proven that they sent it */
  proven: boolean
  count: number
  /** allowed: by a rule of staff; released: earlier messages from there were released */
  why: 'contact' | 'allowed' | 'released'
  /** whose contact they are: a department */
  of: string
}

/** Number of messages from which nothing was learned, with the reason. */
export interface NotLearned {
  how: string
  reason: string
  sentence: string
  count: number
}

/** Reason why senders get no notice, with the number of deliveries. */
export interface NotNotified {
  reason: string
  count: number
}

/** Note to the next shift. */
export interface Note {
  id: string
  at: string
  /** the actor */
  by: string
  by_name: string
  /** company, department:CODE or person:UID; a confidential folder only where it is named */
  scope: string[]
  scope_name: string
  /** plain text, as it was written */
  text: string
  done_at: string | null
  /** who marked it as done; empty: nobody yet */
  done_by_name: string
  /** You dismissed it. */
  dismissed: boolean
}

/** A change of a note; what is missing stays. */
export interface NoteChange {
  /** for all; false: open again */
  done?: boolean | null
  /** for you; false: shown above your queue again */
  dismissed?: boolean | null
}

/** A note to the next shift. */
export interface NoteOrder {
  text: string
  /** one of those in `/shift-notes/scopes` */
  scope: readonly string[]
}

/** Folders that a note may be about. */
export interface NoteScope {
  /** company, department:CODE or person:UID; a confidential folder only where it is named */
  scope: string[]
  name: string
  /** names of the colleagues who would read it */
  readers: string[]
}

/** Folders that you may write notes about, all that you see first. */
export interface NoteScopes {
  items: NoteScope[]
}

/** Notes to the next shift, newest first. */
export interface Notes {
  items: Note[]
}

/** Number of notices that were queued. */
export interface NoticesSent {
  notified: number
}

/** Sends the notices of `GET /campaigns/{campaign_id}/opened`. */
export interface NotifyOrder {
  /** of that answer; 412 when the notices would be others by now */
  fence: string
  /** also to those who were notified before */
  again?: boolean
}

/** A rule as it would be made. */
export interface Offered {
  effect: RuleEffect
  match: AskedMatch
  value: string
  scope: string
  proof: string
  risky: boolean
}

/** Rules that would let them in, the narrowest sensible first. */
export interface Offers {
  items: RuleTrial[]
}

/** Senders for whom to suggest allow rules. */
export interface OffersOrder {
  select: Select
}

/** Browser session in which a member of staff is signed in. */
export interface OpenSession {
  id: string
  login: string
  started_at: string
  seen_at: string
  /** network address it was opened from */
  client: string
  current: boolean
  /** Only the PIN of its browser opens it; a sign-in begins another one. */
  is_locked: boolean
}

/** Employees who had opened a copy that was removed. Opened: the mailbox had marked it as read or answered. */
export interface Opened {
  /** by mailbox; none of confidential folders or outside the company */
  items: OpenedNotice[]
  /** whether you may send them */
  may_notify: boolean
  fence: string
}

/** Notice to an employee who had opened a copy, as they get it. */
export interface OpenedNotice {
  /** their newest copy */
  delivery: string
  mailbox: string
  /** empty for a shared folder */
  name: string
  subject: string
  text: string
  /** when they were notified before */
  notified_at: string | null
  notified_by: string
}

/** Colleague who has the console open. */
export interface OtherHere {
  login: string
  name: string
  /** what they look at, if it is in your scope */
  delivery: string | null
}

/** A rule that matched too, and did not decide. */
export interface OtherRule {
  rule: string
  reason: string
  rule_id: string | null
}

/** An employee's account that wrote to many new recipients within an hour, and what waits. */
export interface OutboundBrake {
  id: string
  /** uid */
  person: string
  name: string
  /** open: messages wait; reported: they were sent, the brake only reports so far */
  state: BrakeState
  at: string
  /** new ones within an hour */
  recipients: number
  /** deliveries that wait for a decision */
  waiting: number
  /** at most 20, those to most recipients first */
  messages: BrakedMessage[]
  decided_at: string | null
  by_name: string
  reason: string
}

/** The brakes that wait, and those of the last seven days, the newest first. */
export interface OutboundBrakes {
  items: OutboundBrake[]
}

/** An announced run: an employee may write to so many new recipients until then. */
export interface OutboundRun {
  id: string
  /** uid */
  person: string
  /** new ones, at most */
  recipients: number
  /** of these, so far */
  used: number
  until: string
  by_name: string
  reason: string
}

/** The announced runs in force, those that end first come first. */
export interface OutboundRuns {
  items: OutboundRun[]
}

/** A delivery that waits, is under way or was refused by the next hop. */
export interface Outgoing {
  items: OutgoingDelivery[]
  next_cursor: string | null
  next_hops: NextHop[]
}

/** A delivery that is to be sent on, and where it goes next. */
export interface OutgoingDelivery {
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
  /** How it was addressed, where that is worth a sentence. */
  note: string
  author: string
  author_name: string
  author_domain: string
  /** Its author is unclear: `author` is whom it claims to be from, and proves nothing. */
  claimed: boolean
  subject: string
  size: number
  attachments: number
  proof: string
  /** Who proves to have sent it: a domain, at a free-mail provider an address; empty: nobody. */
  proven_as: string
  /** 0-100: the sum of the signals' risks. */
  risk: number
  /** How bad it looks: by its risk and by dangers found in it. */
  severity: Severity
  /** why releasing it has to be confirmed, the weightiest reason first; empty: it is not asked */
  second_look: LookName[]
  /** One of the copies of its campaign, which are decided about together. */
  is_copy: boolean
  /** 0-100. It sorts the queue and decides nothing. */
  priority: number
  /** What changes the priority, the greatest change first. It starts at 50. */
  why_here: WhyHere[]
  /** When its code or link expires, also when that is over. Null: it has no deadline, or none that counts, because the sender's own domain is not verified, does not fit what the message says, or the message looks suspicious. */
  time_limited_until: string | null
  /** The message does not say when that is: it is what is usual. */
  lifetime_assumed: boolean
  verdict: Verdict
  withheld: string
  /** the same mail sent many times; null: like no other */
  campaign: string | null
  /** The campaign is a mail bomb, whose messages differ. crowd: of many senders to one folder; sender: of one sender; alerts: verified messages that came during a mail bomb. Empty: it is none. */
  flood: FloodOf
  signals: Signal[]
  due_at: string | null
  attempts: number
  last_reply: string
  decided: Decided | null
  /** While it is held. */
  assigned: Assignment | null
  /** The last escalation that was not undone. */
  escalated: EscalatedTo | null
  /** Escalate it rather than remove it; null for most messages. */
  escalation: Suggested | null
  /** The act that the evidence speaks for, to offer it first. It decides nothing. Empty: the evidence conflicts, or it is not held. */
  suggested_act: SuggestedAct
  /** Only named staff see it; opening it needs a reason. */
  confidential: boolean
  /** It must be kept: it is neither expired nor erased. */
  legal_hold: boolean
  /** when held mail is put away because nobody decided; null: it is not */
  expires_at: string | null
  /** number of comments of staff about this copy */
  comments: number
  /** its address for administrators; `server-1` and so on for everybody else */
  next_hop: string
}

/** A message that came to you. */
export interface OwnCopy {
  id: string
  /** Message-ID without brackets: webmail compares it, because a field of a message that never came through us proves nothing */
  message_id_field: string
  author: string
  subject: string
  severity: Severity
  /** Who proves to have sent it; empty: nobody. */
  proven_as: string
  reported_at: string | null
}

/** A sign-in to see one's own mail: name and password of the directory. */
export interface OwnCredentials {
  login: string
  password: string
}

/** Your own second factors. */
export interface OwnFactors {
  app: boolean
  passkeys: PasskeyShown[]
  /** Why no passkey can be made here. */
  no_passkeys: string | null
  recovery_codes: number
  /** Your role must have one. */
  required: boolean
}

/** A message of one's own: who sent it and what it is called. */
export interface OwnMessage {
  id: string
  author: string
  author_name: string
  /** the author is unclear: the message only claims to be from this one */
  claimed: boolean
  subject: string
  received_at: string
  /** false: it was removed */
  held: boolean
  removed_at: string | null
  /** when it is put away if nobody decides */
  expires_at: string | null
  asked_at: string | null
  /** it looks dangerous or was sent to many people: the daily digest does not name it */
  counted: boolean
  /** what was said to the request; empty: nothing yet */
  declined: string
  /** who viewed it, and when last */
  viewed: OwnViewer[]
}

/** Held messages and recently removed ones; those that you may want come first. */
export interface OwnMessages {
  items: OwnMessage[]
  /** the cursor of more held messages */
  more_held: string | null
  /** the cursor of more removed messages */
  more_removed: string | null
  /** is the daily digest on? null: there is none here */
  digest: boolean | null
  /** from whom one expects mail, the newest first */
  expected: ExpectedSender[]
}

/** The employee who is signed in to see their own messages. */
export interface OwnName {
  name: string
}

/** Your PIN in this browser. */
export interface OwnPin {
  is_set: boolean
  /** Why you cannot set one here now. */
  refused: string | null
  /** after your last act within which it opens a locked session */
  minutes: number
}

/** The report. */
export interface OwnReportMade {
  id: string
  at: string
}

/** Report a message that came to you as suspicious. */
export interface OwnReportOrder {
  /** the value of its field X-Mailroom-Message */
  message: string
}

/** A person who viewed one of your messages on their screen. */
export interface OwnViewer {
  at: string
  by_name: string
}

/** Pages of an attachment that can be shown as pictures. */
export interface Pages {
  /** Numbered from 1; of a longer document the first fifty. */
  pages: number
}

/** Way in which copies went on to where no removal reaches, as far as Mailroom knows. */
export interface PassedOn {
  /** system: a program or a delegate named in the settings; list: another server knows its members; outside: a member outside the company; forwarded: by its recipient, as the mailbox said; calendar: invitations */
  kind: 'system' | 'list' | 'outside' | 'forwarded' | 'calendar'
  /** empty for invitations */
  mailbox: string
  /** copies */
  count: number
  sentence: string
}

/** Options for a browser to make or use a passkey. */
export interface PasskeyOptions {
  /** comes back with the browser's answer, within ten minutes */
  ticket: string
  /** for PublicKeyCredential.parse…OptionsFromJSON() */
  options: Record<string, unknown>
}

/** A passkey that a browser has made. */
export interface PasskeyOrder {
  ticket: string
  /** by which you know it, such as the device */
  name?: string
  /** PublicKeyCredential.toJSON() */
  passkey: Record<string, unknown>
}

/** A passkey. */
export interface PasskeyShown {
  credential_id: string
  name: string
  made_at: string
  used_at: string | null
}

/** A passkey that shall sign somebody in. */
export interface PasskeySignIn {
  ticket: string
  /** PublicKeyCredential.toJSON() */
  passkey: Record<string, unknown>
}

/** A decision that needs approval by a second person, or its outcome. */
export interface PendingApproval {
  id: string
  /** whatever is no rule is a decision: `needs` says more */
  kind: 'decision' | 'rule'
  /** domain-allow, large-purge, risky-release, person-erasure, remove-delivered, content-rule, platform-allow, hunt; mail-program: a move in a mail program asks for it */
  needs: string[]
  /** ids of the deliveries */
  items: string[]
  /** what of a second look the one who asked has confirmed; you confirm it too */
  confirmed: string[]
  reason: string
  asked_by: string
  asked_by_name: string
  asked_at: string
  expires_at: string
  state: ApprovalState
  settled_by_name: string
  /** of the decision, the rule or the erasure, once it is confirmed */
  result_id: string | null
  sentence: string
  /** a rule on content; null: everything else */
  rule: RequestedContentRule | null
  /** You asked for it. */
  mine: boolean
  /** false: you asked, and somebody else has to confirm it */
  may_confirm: boolean
}

/** Pending approvals that concern you, the newest first. */
export interface PendingApprovals {
  items: PendingApproval[]
  next_cursor: string | null
}

/** Page of people found. */
export interface People {
  items: Colleague[]
  next_cursor: string | null
}

/** A person's folder. */
export interface PersonFolder {
  uid: string
  name: string
  held: number
  /** of the queue, that you find there */
  rows: number
  /** of `rows`, those of known senders' messages that are held for an assistant */
  known_rows: number
  /** To you: you see how much waits, not what. */
  confidential: boolean
}

/** Preview of an erasure. */
export interface PersonFound {
  /** outside, here */
  kind: string
  deliveries: number
  /** that are erased when they have come to an end */
  under_way: number
  /** by legal holds */
  kept: number
}

/** About whom, and why. */
export interface PersonOrder {
  /** an address outside; or of somebody here their address or uid */
  address: string
  reason?: string
}

/** A new PIN. */
export interface Pin {
  /** 6 to 12 digits */
  pin: string
}

/** A PIN that shall open a locked session. */
export interface PinGiven {
  login: string
  pin: string
}

/** Staff member whose locked session a PIN can unlock in this browser. */
export interface PinHolder {
  login: string
  name: string
}

/** A block that goes along with a removal. */
export interface PlannedBlock {
  match: BlockKind
  value: string
  /** messages of the removal that it is about */
  count: number
  unproven_only: boolean
  /** it stops only messages without a clear author that claim to be from this sender */
  claimed_only: boolean
  /** other messages of the last 30 days that it would have stopped */
  stopped: number
  /** those of them that staff released */
  released: number
  /** made unless it is named in `block.without`; the others are if named in `block.also` */
  ticked: boolean
}

/** A step that begins later. */
export interface PlannedStep {
  step: 'record-only' | 'hold-dangerous' | 'hold-unknown' | 'hold-everything'
  starts_at: string
  by: string
  reason: string
}

/** A mailing list that somebody here writes to: a rule for the list could allow its posts. */
export interface PostedList {
  address: string
  /** "" as long as no post of it came in */
  list_id: string
  /** whose signature covers the List-Id of its posts: the proof dkim:SIGNER; "": none known */
  signer: string
  posts: number
  /** uid of who posted last */
  person: string
  last_posted_at: string | null
}

/** Mailing lists, those with the most posts first. */
export interface PostedLists {
  items: PostedList[]
  next_cursor: string | null
}

/** A person's preferences for their console; null means the company's default, or the browser's. */
export interface Preferences {
  theme: 'light' | 'dark' | null
  density: 'compact' | null
  /** Single letters need Alt. */
  letters: 'alt' | null
  /** null: as the browser asks */
  language: string | null
  /** How the queue is grouped. */
  group: 'campaign' | 'sender' | 'none' | null
  /** How long what you release waits; null: as the settings say */
  undo_seconds: number | null
  /** Desktop notifications of time-limited messages and of rows to act on now, while the console is not in sight. */
  notifications: 'silent' | 'sound' | null
  /** The keys of a command, where they are other than the usual ones. */
  keys: Record<string, string> | null
}

/** Preferences to change; a missing field stays as it is. */
export interface PreferencesOrder {
  theme?: 'light' | 'dark' | null
  density?: 'compact' | null
  /** Single letters need Alt. */
  letters?: 'alt' | null
  /** null: as the browser asks */
  language?: string | null
  /** How the queue is grouped. */
  group?: 'campaign' | 'sender' | 'none' | null
  /** How long what you release waits; null: as the settings say */
  undo_seconds?: number | null
  /** Desktop notifications of time-limited messages and of rows to act on now, while the console is not in sight. */
  notifications?: 'silent' | 'sound' | null
  /** The keys of a command, where they are other than the usual ones. */
  keys?: Record<string, string> | null
}

/** Colleagues who are here, and the number of messages assigned to you. */
export interface Presence {
  colleagues: OtherHere[]
  assigned: number
}

/** The message that you look at. */
export interface PresenceOrder {
  /** null: at nothing */
  delivery?: string | null
}

/** A selection to be looked at. */
export interface PreviewOrder {
  select: Select
  /** purge: what a removal of it would do, in `removal`. The others: why it needs a second look, in `second_look` */
  verb?: 'purge' | 'release' | 'redirect' | 'redeliver' | 'restore' | null
  /** to go along; an allow says in `not_allowed` whom it cannot be about, and with release in `allow` whom it allows */
  rule?: AlongRule | null
}

/** The code of a break-glass account, in two halves in any order. */
export interface PrintedCode {
  login: string
  first: string
  second: string
}

/** A problem document (RFC 9457). `detail` is a sentence for a person. */
export interface Problem {
  type?: string
  title: string
  status: number
  detail: string
  field?: string | null
  items?: Item[] | null
  lines?: FaultyLine[] | null
  names?: string[] | null
  second_look?: SecondLook[] | null
  rules?: RuleToConfirm[] | null
  fence?: string | null
}

/** Number of deliveries with a proof. */
export interface ProofCount {
  /** a domain, at a free-mail provider an address, or `none`: for `select.proof` */
  proof: string
  count: number
}

/** New ways of proof that the decision covers: all new ones, as the list showed them. */
export interface ProofOrder {
  reason?: string
  /** as the list names them; 409 where further ones have come */
  ways: readonly string[]
}

export type ProofState = 'new' | 'renewed' | 'refused'

/** Reason of the decision. */
export interface ProofUndoOrder {
  reason?: string
}

/** A rule for the company that messages and decisions speak for. */
export interface Proposal {
  id: string
  kind: 'correspondence' | 'sign-in' | 'list'
  match: RuleMatch
  value: string
  proof: string
  sentence: string
  evidence: Speaking
  state: 'open' | 'accepted' | 'refused'
  found_at: string
  /** who has it in hand */
  reserved_by_name: string
  answered_by_name: string
  answered_at: string | null
  rule_id: string | null
  /** it waits for a second person's key */
  pending_id: string | null
}

/** Answer to a suggested rule. */
export interface ProposalAnswer {
  answer: 'accept' | 'refuse' | 'open'
  /** the names of the second look that you confirm: exactly those of the preview, together with its `fence`, else 409 */
  confirm?: readonly string[]
  /** of the second look, as the 409 said it */
  fence?: string | null
}

/** Your batch of proposals, and how many remain for everybody. */
export interface ProposalBatch {
  items: Proposal[]
  open: number
  answered: number
}

/** Page of proposals. */
export interface Proposals {
  items: Proposal[]
  next_cursor: string | null
  total_estimate: number
}

/** An identity provider on the sign-in page. */
export interface ProviderShown {
  name: string
  title: string
}

/** Page of the console to return to after sign-in. */
export interface ProviderSignIn {
  /** A path of the console; anything else is the queue. */
  return_to?: string
  /** Let the provider ask again who this is, as for acts that need a fresh sign-in. */
  fresh?: boolean
}

/** A browser's push subscription, as `PushSubscription.toJSON()` gives it. */
export interface PushOrder {
  endpoint: string
  /** The browser's public key, base64url. */
  p256dh: string
  /** Its authentication secret, base64url. */
  auth: string
}

/** A person who reads the messages of a folder, or sees how many are held in it. */
export interface Reader {
  /** `account`: on the IMAP server, by `mirror.departments` */
  kind: ReaderKind
  /** login, id of a token, or address of the account */
  name: string
  /** full name, or what the token is for */
  shown: string
  /** empty for an account; an auditor reads and decides nothing */
  role: string
  /** `count`: only how many messages are held */
  access: FolderAccess
  why: string
}

export type ReaderKind = 'person' | 'token' | 'account'

/** The most frequent first. */
export interface ReasonsNotLearned {
  items: NotLearned[]
}

/** A possible target of a redirect; the decision sends `to`. */
export interface Recipient {
  kind: RecipientKind
  to: string
  name: string
  /** A person's department, or what else it is. */
  place: string
  /** empty: outside your scope */
  mailbox: string
}

export type RecipientKind = 'person' | 'department' | 'list'

/** People, departments and groups found. */
export interface Recipients {
  items: Recipient[]
}

/** Recovery codes, shown once. */
export interface RecoveryCodes {
  codes: string[]
}

/** The first notices, how many there are, and who would get none. */
export interface Rejection {
  notices: SenderNotice[]
  messages: number
  deliveries: number
  refused: NotNotified[]
}

/** A rejection to be looked at: a template, or a text. */
export interface RejectionOrder {
  select: Select
  template?: string
  text?: string
}

/** Deliveries of the last 14 days that share traits with a wave and are none of its copies: shown, never removed or blocked along. */
export interface RelatedDeliveries {
  count: number
  /** subject (its pattern), link (the domain of a link), host (of a link), target (a link as it is), file (an attachment), network (of the sender), skeleton (the elements of its page), signature (the domain of a DKIM signature), attachments (their endings and magnitudes), message_id (its shape), mailer (X-Mailer or User-Agent); never what wanted messages have too */
  by_kind: Partial<Record<'subject' | 'link' | 'host' | 'target' | 'file' | 'network' | 'skeleton' | 'signature' | 'attachments' | 'message_id' | 'mailer', number>>
  /** the newest ten */
  examples: Delivery[]
}

/** A message that lay beside the copies a decision took: it bears or refers to their Message-ID. */
export interface RelatedMessage {
  id: string
  /** beside whose copies it lay */
  delivery: string
  mailbox: string
  folder: string
  /** when it came into the mailbox */
  at: string
  /** the same Message-ID; otherwise it only refers to it: a reply, or forwarded */
  bears: boolean
  /** it came through Mailroom: find it there and purge it */
  ours: boolean
  author: string
  subject: string
  /** the decision that takes it */
  claimed_by: string | null
}

/** Related messages that the decision did not include. */
export interface RelatedMessages {
  items: RelatedMessage[]
}

/** Release request that staff have not answered yet. */
export interface ReleaseRequest {
  id: string
  /** whose mail it is */
  by_name: string
  /** who wrote it down for them; empty: they asked themselves */
  recorded_by_name: string
  at: string
  comment: string
  delivery: Delivery
}

/** Open release requests in your scope, the newest first. */
export interface ReleaseRequests {
  items: ReleaseRequest[]
  /** how many of them there are */
  open: number
  /** how many reports of odd mail wait for an answer: `/reported` */
  reported: number
  /** how many reports from outside the company wait for an answer: `/reported?lane=partners` */
  outside: number
  next_cursor: string | null
}

/** Comment with whose copy of the message it is about. */
export interface Remark {
  id: string
  at: string
  /** the actor */
  by: string
  by_name: string
  text: string
  delivery: string
  recipient: string
  department_name: string
  person_name: string
  /** The copy is confidential: its text needs a reason. */
  withheld: boolean
}

/** Effect of a removal. A decision with verb `purge`, the same selection and this fence does exactly that. */
export interface Removal {
  /** the worst of what goes */
  severity: Severity
  /** what the console's first button does */
  default: 'remove' | 'remove_and_block'
  /** the first 50; `select.known` takes them along */
  not_included: NotIncluded[]
  /** messages */
  not_included_count: number
  /** the first 50 */
  blocks: PlannedBlock[]
  /** how many of each kind */
  blocked: Partial<Record<BlockKind, number>>
  /** other messages of the last 30 days that ticked blocks would have stopped */
  would_have_stopped: number
  /** those of all blocks' that staff released */
  would_have_released: number
  /** the first 50 */
  not_blocked: NotBlocked[]
  /** senders */
  not_blocked_count: number
  related: RelatedDeliveries
  /** out of reach; the first 50 */
  passed_on: PassedOn[]
  /** for whom blocks are made; empty: you make no rules here */
  scopes: string[]
  /** so long blocks only hold, so that undo is whole */
  hold_hours: number
  /** so long blocks of addresses and domains last; a campaign's 7 days after its last copy */
  block_days: number
  /** without blocks: so long late copies are removed on arrival too; 0: none are */
  late_hours: number
}

/** Rules that are to be removed together. */
export interface RemovalOrder {
  rules: readonly string[]
  /** only look what would be removed */
  dry_run?: boolean
  /** of the dry run: 412 where a rule has changed since */
  fence?: string | null
}

/** Rules that were removed together, or would be; `POST /rules/restore` takes their ids to undo it. */
export interface RemovedRules {
  /** less than asked for where a rule is removed or over already */
  count: number
  /** newest first */
  rules: Rule[]
  fence: string
}

/** Report: its sentences say the same as its tables. */
export interface Report {
  name: string
  title: string
  since: string
  until: string
  /** Whose days and hours they are. */
  time_zone: string
  sentences: string[]
  /** What its words mean, and how it was counted. */
  definition: string
  tables: ReportTable[]
}

/** Say what it is. */
export interface ReportAnswer {
  verdict: 'good' | 'bad'
  /** for who reported it */
  comment?: string
}

/** Done. */
export interface ReportAnswered {
  /** how many are told */
  reporters: number
}

/** Column of a table. */
export interface ReportColumn {
  /** Under this name each row has its cell. */
  name: string
  /** What it is, in words. */
  label: string
  /** figure: a number whose unit (count, seconds or share) is in the row's cell `unit`. */
  kind: 'text' | 'count' | 'number' | 'seconds' | 'share' | 'day' | 'figure'
}

/** Chart that the console draws of a table. */
export interface ReportPlot {
  kind: 'bars' | 'lines' | 'week'
  /** The columns that are drawn. */
  of: string[]
}

/** Numbers in rows. The first column names the row. */
export interface ReportTable {
  name: string
  title: string
  columns: ReportColumn[]
  rows: (Record<string, string | number | null>)[]
  plot: ReportPlot | null
}

/** All of them. */
export interface Reports {
  items: Report[]
}

/** The request. */
export interface RequestMade {
  id: string
}

/** Request a message. */
export interface RequestOrder {
  delivery: string
  comment?: string
}

/** A rule on content as it would be made. */
export interface RequestedContentRule {
  effect: RuleEffect
  match: AskedMatch
  /** its name */
  value: string
  scope: string
  conditions: Partial<Record<ConditionName, string[]>>
  /** redirect: where such messages go */
  to: string
  until: string | null
  note: string
  /** what it would have done in the days before it was asked for */
  trial: string
}

/** Removed rules that are to be in force again. */
export interface RestoreOrder {
  rules: readonly string[]
  /** the names of the second look that you confirm: exactly those of the preview, together with its `fence`, else 409 */
  confirm?: readonly string[]
  /** of the second look, as the 409 said it */
  fence?: string | null
}

/** A backup was restored, and relay and recall are paused until `mailroom resume`. */
export interface Restored {
  since: string
  backup_at: string
}

/** Number of rules that were restored. */
export interface RestoredRules {
  /** less than asked for where an equal rule is in force */
  count: number
}

/** Reason for switching a check back on. */
export interface ResumeOrder {
  reason?: string
}

/** Role of a member of staff: the kind of work that they may do (product.md). */
export type Role = 'triage' | 'admin' | 'auditor'

/** A rule about a sender, or on content. */
export interface Rule {
  id: string
  effect: RuleEffect
  match: RuleMatch
  value: string
  scope: string
  proof: string
  unproven_only: boolean
  risky: boolean
  /** an allow: passes whatever the message says; no check of known senders holds it */
  unchecked: boolean
  /** an allow: encrypted files pass for this person or department; programs never do */
  encrypted: boolean
  recipient: string
  /** redirect: where such mail goes */
  target: string
  author: string
  origin: string
  note: string
  created_at: string
  until: string | null
  lapse_days: number
  /** a block: until then it holds, and neither refuses nor removes */
  holds_until: string | null
  /** a block: copies that were refused at SMTP time */
  refused: number
  /** null where that would tell of mail beyond your scope */
  used: number | null
  first_used_at: string | null
  last_used_at: string | null
  /** why it may never work, or hit more than is meant, as far as was known when it was made */
  doubt: string
  /** how it stands to other rules that reach all of its mail */
  clashes: Clash[]
  /** of a rule on content */
  conditions: Partial<Record<ConditionName, string[]>>
  /** a rule on content: since then it does nothing */
  paused_at: string | null
}

/** Changes to a rule; a missing field stays as it is. */
export interface RuleChange {
  proof?: string
  until?: string | null
  lapse_days?: number
  note?: string
  risky?: boolean
  /** an allow: passes whatever the message says; no check of known senders holds it */
  unchecked?: boolean
  /** a rule on content, and nothing else with it: pause it, or resume it */
  paused?: boolean | null
  /** an allow: encrypted files pass for this person or department; programs never do */
  encrypted?: boolean
  /** the names of the second look that you confirm: exactly those of the preview, together with its `fence`, else 409 */
  confirm?: readonly string[]
  /** of the second look, as the 409 said it */
  fence?: string | null
}

export type RuleEffect = 'allow' | 'block' | 'redirect' | 'hold' | 'purge' | 'mark'

/** End of a rule; neither: none. */
export interface RuleEnd {
  rule: string
  /** with `lapse_days`: no later than this if no message comes */
  until?: string | null
  /** days after the last message in either direction */
  lapse_days?: number
}

/** Rules as lines of text, to be made. */
export interface RuleLines {
  text: string
  /** only look whether every line is right, and what has to be confirmed */
  dry_run?: boolean
  /** the names of the second look that you confirm: exactly those of the preview, together with its `fence`, else 409 */
  confirm?: readonly string[]
  /** of the second look, as the 409 said it */
  fence?: string | null
}

export type RuleMatch = 'address' | 'domain' | 'subdomains' | 'list' | 'recipient' | 'campaign' | 'content'

/** A rule by itself. */
export interface RuleOrdered {
  value?: string
  scope?: string
  proof?: string
  until?: string | null
  note?: string
  risky?: boolean
  /** an allow: passes whatever the message says; no check of known senders holds it */
  unchecked?: boolean
  /** an allow: encrypted files pass for this person or department; programs never do */
  encrypted?: boolean
  /** a block: of forgeries alone; messages that prove their sender still arrive */
  unproven_only?: boolean
  /** ends so many days after the last message either way; 0: never */
  lapse_days?: number
  /** redirect: only messages to this address of ours */
  recipient?: string
  /** redirect: person:UID, department:CODE or an address of ours */
  to?: string
  /** hold: of a sender until a date (two weeks when it names none); purge and mark are for rules on content */
  effect: RuleEffect
  /** content: `value` is its name, `conditions` say which messages it is about */
  match: AskedMatch
  /** of a rule on content: every one has to fit, by one of its values; `*` in a value stands for any characters */
  conditions?: Partial<Record<ConditionName, readonly string[]>>
  /** a rule on content: it does nothing until somebody resumes it */
  paused?: boolean
  /** the names of the second look that you confirm: exactly those of the preview, together with its `fence`, else 409 */
  confirm?: readonly string[]
  /** of the second look, as the 409 said it */
  fence?: string | null
}

/** Result of one rule test. */
export interface RuleTested {
  line: number
  passed: boolean
  sentence: string
}

/** Results of the rule tests, in the order of their lines. */
export interface RuleTests {
  items: RuleTested[]
}

/** Rules as lines of text, such as `GET /rules/export` writes them, and their tests. */
export interface RuleText {
  text: string
}

/** An allow rule that would release held messages which need a second look. */
export interface RuleToConfirm {
  match: RuleMatch
  value: string
  scope: string
  proof: string
  /** why releasing it has to be confirmed, the weightiest reason first; empty: it is not asked */
  names: LookName[]
  /** held messages that it is about */
  count: number
}

/** A rule tried out on the last thirty days of the messages that you may see. */
export interface RuleTrial {
  order: Offered
  /** messages from there, within the rule's scope */
  came: number
  /** of them it would have allowed or blocked */
  changed: number
  people: number
  /** of those staff decided otherwise */
  against: number
  examples: string[]
  since: string
  sentence: string
  /** why it may never work, or hit more than is meant */
  doubt: string
  clashes: Clash[]
  /** of offers: those of one step are made together */
  step: number
  /** of a rule on content: what has to be confirmed before it is made */
  second_look: SecondLook[]
  /** for `confirm` */
  fence: string
}

/** Page of rules, newest first. */
export interface Rules {
  items: Rule[]
  next_cursor: string | null
}

/** An announced run: who will write to how many new recipients, until when, and why. */
export interface RunOrder {
  /** uid, or an address of theirs */
  employee: string
  recipients: number
  /** within the next seven days */
  until: string
  reason?: string
}

/** A search that is kept. */
export interface SavedSearch {
  id: string
  name: string
  q: string
  tab: 'held' | 'decided' | 'all'
  department: string | null
  person: string | null
  shared_with: string
  /** who keeps it */
  by_name: string
  mine: boolean
  /** messages of it that wait, up to 1,000; null: not asked, or not readable */
  held: number | null
}

/** A search to keep: words, a folder or both. */
export interface SavedSearchOrder {
  name: string
  q?: string
  /** what waits, what is decided, or all of it */
  tab?: 'held' | 'decided' | 'all'
  department?: string | null
  /** uid; empty: the department's shared folder */
  person?: string | null
  /** company, department:CODE or person:UID in your scope; empty: nobody */
  shared_with?: string
}

/** The searches that you know. */
export interface SavedSearches {
  items: SavedSearch[]
}

/** The step of the company, a department or a person, and who set it, "" where the settings say so. */
export interface ScopeStep {
  /** empty: everybody of whom nothing else is said; department:CODE; person:UID */
  scope: string
  name: string
  step: 'record-only' | 'hold-dangerous' | 'hold-unknown' | 'hold-everything'
  by: string
  at: string | null
  /** then the wider scope or the settings count again */
  ends_at: string | null
  reason: string
  planned: PlannedStep | null
  /** hold-everything: the person's daily digest names what is held for their assistant */
  note: boolean
  /** of departments and the company, where `days` asks for it */
  effect: StepEffect | null
  /** of people, where something is held for their assistant */
  held_for_assistant: HeldKnown | null
}

/** Reason for a second look, and the newest message that it is about. */
export interface SecondLook {
  name: LookName
  sentence: string
  /** deliveries that it is about */
  count: number
  /** id of the newest delivery */
  example: string
  /** of the example */
  author: string
  subject: string
}

/** Section of the queue that a row is in, in the order of the queue. */
export type Section = 'act-now' | 'time-limited' | 'over-target' | 'rest' | 'known'

/** Selection of deliveries by `ids` or other features; all that are given must match. */
export interface Select {
  ids?: readonly string[]
  sender?: string
  domain?: string
  campaign?: string | null
  /** `any`, `none`, `copies` (of a campaign: suspicious messages of senders that nobody here has allowed, released or written to), `claimed` (without a clear author), `forged` (of a sender: what a block of forgeries stops), or the proven sender, as `proven_as` says: a domain, at a free-mail provider an address. Empty: any; of a campaign its copies or, without copies, its most common proof. */
  proof?: string
  department?: string | null
  person?: string | null
  /** login of a colleague to whom it is assigned */
  assigned_to?: string
  q?: string
  /** a link of the message opens this domain or one below it */
  link_domain?: string
  /** the digest of an attachment's bytes, in hexadecimal digits */
  attachment_sha256?: string
  states?: readonly State[]
  since?: string | null
  until?: string | null
  /** only what is delivered, and was so then or later */
  delivered_since?: string | null
  /** only messages of these rows */
  any_of?: readonly SelectItem[]
  /** a purge also removes messages of contacts, allowed senders and senders of released messages */
  known?: boolean
}

/** Content of a row, as its `select` says; with `until` only messages that arrived before. */
export interface SelectItem {
  ids?: readonly string[]
  sender?: string
  campaign?: string | null
  /** `any`, `none`, `copies` (of a campaign: suspicious messages of senders that nobody here has allowed, released or written to), `claimed` (without a clear author), `forged` (of a sender: what a block of forgeries stops), or the proven sender, as `proven_as` says: a domain, at a free-mail provider an address. Empty: any; of a campaign its copies or, without copies, its most common proof. */
  proof?: string
  until?: string | null
}

/** Content of a row, as a selection: only the features that make it. */
export interface Selected {
  ids: string[]
  sender: string
  campaign: string | null
  proof: string
}

/** A sender, as far as its mail is in your scope; the ten most frequent of each list. */
export interface Sender {
  /** the address, or the domain */
  name: string
  /** each however many people it was for */
  messages: number
  deliveries: number
  held: number
  people: number
  departments: number
  first_at: string
  newest_at: string
  /** the newest */
  lead: Delivery
  by_state: StateCount[]
  by_proof: ProofCount[]
  /** what it calls itself */
  by_name: NameCount[]
  by_folder: FolderCount[]
  /** who writes from its domain; empty for a free-mail provider */
  by_address: SenderCount[]
}

/** Check of known senders, and its effect on the messages that it finds. */
export interface SenderCheck {
  name: CheckName
  /** trial: it only reports; fuse: the same, as it held messages of too many senders on one day */
  mode: CheckMode
  /** on trial: when it begins to hold */
  trial_until: string | null
  /** messages, by the UTC day */
  held_today: number
  /** whose messages it held today, by domain */
  senders_today: number
  /** when it held messages of too many senders */
  fuse_at: string | null
}

/** The checks of known senders. */
export interface SenderChecks {
  items: SenderCheck[]
}

/** A sender of the selected messages, before they are accepted. */
export interface SenderConsent {
  /** an address, or a List-Id; empty: messages that name no sender */
  sender: string
  /** address, domain, list; empty where there is no sender */
  match: RuleMatch | ''
  /** of the selected messages */
  count: number
  /** genuine: all prove it; not_proven: some do not; failed: some fail DMARC */
  proof: 'genuine' | 'not_proven' | 'failed'
  /** the proof that the rule asks for: dmarc, aligned, dkim:DOMAIN */
  required_proof: string
  /** severity of their worst message */
  severity: Severity
  /** why releasing their messages has to be confirmed; empty: it is not asked */
  second_look: LookName[]
  /** the strongest warnings about them */
  warnings: string[]
  /** is allowed; without `rule.senders` proven senders who need no second look */
  chosen: boolean
  /** why there can be no rule about them; empty where there can */
  why_not: string
}

/** Number of messages of an author. */
export interface SenderCount {
  author: string
  count: number
}

/** The notice that one sender would get about one message. */
export interface SenderNotice {
  message: string
  to: string
  text: string
}

export type SendingProof = 'dkim' | 'spf' | 'forwarded' | 'elsewhere' | 'none'

/** Service that sends as a domain of yours, and the records that it needs. */
export interface SendingService {
  /** yours, as the author's address has it */
  domain: string
  /** a domain that it proves, else its network; empty: the rest of long reports */
  name: string
  /** dkim, spf: DMARC passes by it; forwarded: passed on; elsewhere: proven for another domain; none: not at all */
  proof: SendingProof
  proven: boolean
  /** Is there something to do? */
  wanting: boolean
  /** in the last 30 days, as reported */
  messages: number
  /** domains whose reports tell it */
  reporters: string[]
  /** end of the newest report */
  last_at: string
  needs: string
}

/** The services, those that need something first. */
export interface SendingServices {
  items: SendingService[]
  address: string
}

/** The browsers in which one login is signed in, the youngest first. */
export interface Sessions {
  items: OpenSession[]
}

/** A setting that this process uses. */
export interface SettingInForce {
  section: string
  key: string
  /** as text, passwords in URLs replaced; null: a secret that is set */
  value: string | null
  /** where the value comes from */
  source: 'default' | 'file' | 'credential' | 'environment'
  /** what the setting is for, in the language of the request */
  meaning: string
}

/** Settings that this process has used since its start. */
export interface SettingsInForce {
  /** the settings file; empty without one */
  file: string
  items: SettingInForce[]
  next_cursor: null
}

export type Severity = 'none' | 'unclear' | 'suspicious' | 'dangerous'

/** A link: the text that a reader sees, and its target. */
export interface ShownLink {
  text: string
  target: string
}

/** Outcome of a sign-in at a provider. */
export interface SignInOutcome {
  /** Reason for the refusal, and what to do. */
  refused: string
}

/** Ways to sign in that this server offers to staff. */
export interface SignInWays {
  password: boolean
  /** With a passkey alone, where the console has a name. */
  passkey: boolean
  /** The login that the proxy in front of the console names; empty: none. */
  proxy: string
  /** Is there an account with a printed code? */
  break_glass: boolean
  providers: ProviderShown[]
  /** Whose locked sessions a PIN opens in this browser now. */
  pins: PinHolder[]
}

/** A fact about a message that staff should know. */
export interface Signal {
  name: string
  sentence: string
  /** What it adds to the message's risk. */
  risk: number
  /** Evidence: addresses, hosts, words of the message. */
  evidence: string[]
}

/** Held messages to put out of your way until a time. */
export interface SnoozeOrder {
  select: Select
  /** null: bring them back now */
  until?: string | null
}

/** Number of snoozed messages. */
export interface SnoozedCount {
  count: number
}

/** Evidence of the last 90 days. Counts cover proven messages. */
export interface Speaking {
  /** employees who wrote to it, or to whom staff released its messages */
  people: number
  wrote: number
  messages: number
  dmarc: number
  /** unproven messages in its name; the rule would not release them */
  unproven: number
  /** sign-in codes, password messages, links that expire */
  time_limited: number
  recipients: number
  removed: number
  /** messages that were held, or would have been in record-only mode, and that the rule releases */
  would_pass: number
  /** of the worst of them */
  risk: number
  /** severity of the worst of them */
  severity: Severity
  /** messages of ours to a list */
  posts: number
  subjects: string[]
}

/** SPF result. */
export interface Spf {
  result: string
  identity: string
  domain: string
  reason: string
  /** the trusted edge that found it; empty: we did */
  origin: string
}

/** Messages that do not belong to the campaign. */
export interface SplitOrder {
  /** deliveries; their messages are meant */
  ids: readonly string[]
  reason?: string
}

/** Staff member with role and scope. */
export interface StaffMember {
  login: string
  name: string
  role: Role
  scope: string[]
  /** beside the role: remove-delivered, data-protection, hunt, outgoing */
  rights: string[]
  /** directory; local: an account made here; provider: by an identity provider's groups */
  source: string
  /** false: the directory no longer names them */
  active: boolean
  /** null: on duty */
  away_until: string | null
  /** browsers they are signed in with */
  sessions: number
}

/** Page of staff, by login. */
export interface StaffMembers {
  items: StaffMember[]
  next_cursor: string | null
}

/** The start list in force, its categories and the latest acts. */
export interface StartList {
  version: string
  senders: number
  /** empty: it was shipped */
  imported_at: string | null
  imported_by_name: string
  categories: StartListCategory[]
  /** the newest first, 20 at most */
  acts: StartListAct[]
}

/** Senders of a category that somebody allowed together. */
export interface StartListAct {
  id: string
  category: 'accounts' | 'banks' | 'parcels' | 'travel' | 'shops' | 'providers' | 'work' | 'authorities' | 'networks'
  version: string
  /** that were allowed; without those that a rule had allowed already */
  domains: string[]
  at: string
  by_name: string
  undone_at: string | null
  undone_by_name: string
}

/** A category of the start list, and what its act does now. */
export interface StartListCategory {
  name: 'accounts' | 'banks' | 'parcels' | 'travel' | 'shops' | 'providers' | 'work' | 'authorities' | 'networks'
  title: string
  version: string
  /** what the act does */
  sentence: string
  fence: string
  /** domains that the act allows */
  offered: number
  /** domains that are allowed already */
  allowed: number
  /** senders of whom no proven message was seen here in 90 days */
  unseen: number
  /** services through which anybody can send: never allowed together */
  platforms: number
  /** domains that cannot be allowed now */
  refused: number
}

/** Effect of an import. */
export interface StartListImport {
  version: string
  senders: number
  /** domains */
  added: string[]
  /** domains; their rules stay */
  removed: string[]
  /** domains */
  changed: string[]
  /** this list is in force already */
  is_same: boolean
  sentence: string
}

/** A domain of a listed sender, with what the company's messages of the last 90 days say of it. Counts are of DMARC-proven ones. */
export interface StartListOffer {
  /** of its authors' addresses; where none was seen, as the list names it */
  domain: string
  /** as the list names it */
  listed: string
  /** what it sends */
  sends: string[]
  /** domains that sign its messages */
  dkim: string[]
  /** public lists that name it */
  sources: string[]
  /** offered: the act allows it; else why it does not */
  standing: 'offered' | 'allowed' | 'unseen' | 'platform' | 'stopped' | 'removed' | 'suspicious' | 'second-look' | 'shared'
  why: string
  messages: number
  /** sign-in codes, links that expire */
  time_limited: number
  /** messages that were held, or would have been, and that the rule releases */
  would_pass: number
  /** people and departments who got them */
  people: number
}

/** A category with each of its senders. */
export interface StartListPlan {
  name: 'accounts' | 'banks' | 'parcels' | 'travel' | 'shops' | 'providers' | 'work' | 'authorities' | 'networks'
  title: string
  version: string
  /** what the act does */
  sentence: string
  fence: string
  /** domains that the act allows */
  offered: number
  /** domains that are allowed already */
  allowed: number
  /** senders of whom no proven message was seen here in 90 days */
  unseen: number
  /** services through which anybody can send: never allowed together */
  platforms: number
  /** domains that cannot be allowed now */
  refused: number
  /** the offered ones first */
  items: StartListOffer[]
}

/** A start list as a file has it. */
export interface StartListText {
  /** the file */
  text: string
  /** only check every line and say what changes */
  dry_run?: boolean
}

/** State of a delivery. */
export type State = 'held' | 'queued' | 'relaying' | 'delivered' | 'bounced' | 'recalling' | 'restoring' | 'purged' | 'rejected' | 'expired'

/** Number of deliveries in a state. */
export interface StateCount {
  state: State
  count: number
}

/** Result of comparing the database with the audit log. */
export interface StateVerification {
  /** Rows that are as their entries left them. */
  compared: number
  /** The first 100 differences. */
  differences: string[]
  /** All differences. */
  different: number
  /** Not provable: made before 0.1.0, by an entry without a digest. */
  unproven: number
  /** Not provable: deliveries, decisions and their items that retention deleted. */
  forgotten: number
}

/** Event in the life of a message, or of one of its deliveries. */
export interface Step {
  at: string
  /** person:LOGIN, rule:NAME, system:PART */
  by: string
  /** received, authenticated, receive (the verdict), viewed, release, deliver, … */
  act: string
  sentence: string
  /** Null: it concerns the whole message. */
  delivery: string | null
  recipient: string
  /** Of an attempt to send it; else empty. */
  next_hop: string
  /** Number of the attempt; null for other steps. */
  attempt: number | null
}

/** Effect of a step on the messages of the last days, by severity, in messages. */
export interface StepEffect {
  /** employees whom the step concerns */
  people: number
  /** held when they arrived */
  held: Partial<Record<Severity, number>>
  /** delivered, and held by a stricter step */
  passed: Partial<Record<Severity, number>>
}

/** Number of messages with a subject. */
export interface SubjectCount {
  subject: string
  count: number
}

/** A substitution: who is the substitute of whom, and until when. */
export interface Substitution {
  id: string
  absent: string
  substitute: string
  starts_at: string
  ends_at: string
  reason: string
  made_by: string
}

/** A substitute to arrange. */
export interface SubstitutionOrder {
  /** Login; left out: you. */
  absent?: string
  substitute: string
  /** Left out: now. */
  starts_at?: string | null
  ends_at: string
  reason?: string
}

/** Substitutions in force or to come. */
export interface Substitutions {
  items: Substitution[]
  next_cursor: string | null
}

/** Suggestion from a message's signals: escalate it, and highlight no button that removes it. */
export interface Suggested {
  duty: string
  title: string
  phone: string
  reason: string
}

/** The act that is offered first. */
export type SuggestedAct = '' | 'release' | 'approve' | 'purge' | 'escalate' | 'block-forgeries'

/** A sender to remove from every mailbox. */
export interface SweepOrder {
  sender: string
  reason?: string
  /** Count the messages, remove nothing. */
  dry_run?: boolean
}

/** Messages to remove too. */
export interface TakeOrder {
  copies: readonly string[]
  reason?: string
}

/** A text for rejected senders, with its placeholders. */
export interface Template {
  name: string
  text: string
}

/** Texts that the settings offer. */
export interface Templates {
  items: Template[]
}

/** Timeline of a campaign, without messages outside your scope. */
export interface Timeline {
  /** oldest first; the newest 200 decisions and reports */
  items: CampaignMoment[]
}

/** A token without its key. */
export interface Token {
  id: string
  name: string
  grants: Grant[]
  scope: string[]
  made_by: string
  made_at: string
  expires_at: string
  /** last use, to half a minute; null: never */
  used_at: string | null
  /** network address of the last use */
  client: string
  revoked_at: string | null
  revoked_by: string
  /** false when it is over or revoked, or its maker may no longer do so */
  in_force: boolean
}

/** Page of tokens, the youngest first. */
export interface Tokens {
  items: Token[]
  next_cursor: string | null
}

/** The life of a message. */
export interface Trace {
  /** Its id, whichever id was asked for. */
  id: string
  steps: Step[]
  /** How many of its deliveries are not followed; 50 are. */
  left_out: number
}

export type TrainingAnswer = 'release' | 'remove'

/** A training message, without its answer. */
export interface TrainingMessage {
  id: string
  author_name: string
  author: string
  recipient: string
  subject: string
  /** as its Date field says */
  written: string
  /** what its authentication proves, a sentence */
  proof: string
  reply_to: string[]
  /** names */
  attachments: string[]
  links: ShownLink[]
}

/** TriageItems that you have not answered yet. */
export interface TrainingMessages {
  items: TrainingMessage[]
}

/** Your answer to a training message. It changes nothing. */
export interface TrainingOrder {
  message: string
  answer: TrainingAnswer
}

/** Result of a training answer. */
export interface TrainingResult {
  right: boolean
  /** the right one */
  answer: TrainingAnswer
  /** the clues, as sentences */
  clues: string[]
  /** false: it was answered before; only the first answer counts */
  counted: boolean
}

/** Training result of a staff member, by the first answer to each message. */
export interface TrainingScore {
  login: string
  answered: number
  right: number
  bad_released: number
  good_removed: number
  last_at: string
}

/** Yours; for administrators of the whole company everybody's, the best first. */
export interface TrainingScores {
  items: TrainingScore[]
}

/** A row of the queue: deliveries that are decided together. */
export interface TriageItem {
  key: string
  count: number
  /** more of the same campaign or sender, in other rows because their proof differs */
  apart: number
  people: number
  departments: number
  newest_at: string
  /** 0-100: the greatest of its deliveries. */
  risk: number
  /** Severity of the worst of its deliveries. */
  severity: Severity
  /** of all its deliveries; of a row with more than 500 those of the lead and of its severity */
  second_look: LookName[]
  /** 0-100: the greatest of its deliveries. It sorts, no more. */
  priority: number
  /** Where it stands. `act-now`: reported, or copies of it are in mailboxes and look suspicious or worse; `time-limited`: its code or link expires, those that say so first; `over-target`: see `target_at`; `rest`. */
  section: Section
  /** When its next code or link stops working; null: none. */
  time_limited_until: string | null
  /** The message does not say when that is: it is what is usual. */
  lifetime_assumed: boolean
  /** In `act-now`: how many copies are in mailboxes in your scope; else 0. */
  delivered: number
  /** How many of these were read or answered, as far as is known; null: no mailbox tells. */
  opened: number | null
  /** when the first of its messages expires undecided; null: not today */
  expires_at: string | null
  /** When its first possibly wanted message has waited as long as the target of its department allows; null: no target. Of a row with more than 500 that of its oldest message, by the department of its lead. */
  target_at: string | null
  /** When its first message is delivered unless somebody decides (`coverage.deliver_undecided`); null: none is. */
  deliver_at: string | null
  /** who requested which message */
  requests: ItemRequest[]
  /** who reported which message as suspicious */
  reports: ItemReport[]
  /** who has snoozed all of it, the soonest end first; of a long row its lead */
  snoozed: ItemSnooze[]
  /** of staff, about all its messages in your scope */
  comments: number
  lead: Delivery
  /** newest first; of a row with more than `ids` the lead's alone */
  ids: string[]
  /** the whole row: for a preview or a decision, together with `states` and a folder */
  select: Selected
}

/** Page of the queue's rows. */
export interface TriageItems {
  items: TriageItem[]
  next_cursor: string | null
  /** what `before` takes for the page before this one; null at the top */
  previous_cursor: string | null
  /** rows before this page; null where that is not known */
  position: number | null
  total_deliveries: number
  total_items: number
  /** Rows that `severity`, `verified`, `attachments` and `language` leave out. */
  hidden_items: number
  /** Rows that you have snoozed: left out, or with `snoozed` all that is listed. */
  snoozed_items: number
  /** When the first message that you have snoozed is back; null: none. */
  snoozed_until: string | null
  /** Values of these filters with their numbers of rows; null: not asked for. */
  facets: Facet[] | null
}

/** A rule that somebody asks for by itself: about a sender, or with `match` content about what a message says. */
export interface TriedRule {
  value?: string
  scope?: string
  proof?: string
  until?: string | null
  note?: string
  risky?: boolean
  /** an allow: passes whatever the message says; no check of known senders holds it */
  unchecked?: boolean
  /** an allow: encrypted files pass for this person or department; programs never do */
  encrypted?: boolean
  /** a block: of forgeries alone; messages that prove their sender still arrive */
  unproven_only?: boolean
  /** ends so many days after the last message either way; 0: never */
  lapse_days?: number
  /** redirect: only messages to this address of ours */
  recipient?: string
  /** redirect: person:UID, department:CODE or an address of ours */
  to?: string
  /** hold: of a sender until a date (two weeks when it names none); purge and mark are for rules on content */
  effect: RuleEffect
  /** content: `value` is its name, `conditions` say which messages it is about */
  match: AskedMatch
  /** of a rule on content: every one has to fit, by one of its values; `*` in a value stands for any characters */
  conditions?: Partial<Record<ConditionName, readonly string[]>>
  /** a rule on content: it does nothing until somebody resumes it */
  paused?: boolean
}

/** Forecast of delivering undecided messages in a department, in messages. */
export interface UndecidedForecast {
  department: string
  minutes: number
  /** so many days back */
  days: number
  /** at most so many would have been delivered */
  delivered: number
  /** of these, removed or rejected since */
  removed: number
  /** of these, reported as suspicious since */
  reported: number
  /** the newest 20 that were removed or reported */
  items: BadMessage[]
}

/** Reason for an undo. */
export interface UndoOrder {
  reason?: string
  /** the names of the second look that you confirm: exactly those of the preview, together with its `fence`, else 409 */
  confirm?: readonly string[]
  /** of the second look, as the 409 said it */
  fence?: string | null
  /** only if you made it yourself; 403 if somebody else did */
  mine?: boolean
}

/** A delivery of any kind that a next hop or a mailbox has not taken yet, as who runs the queue sees it. */
export interface Unsent {
  id: string
  /** in, simulation, out, bounce, notice */
  kind: string
  state: string
  mailbox: string
  /** its address for administrators; `server-1` and so on for everybody else */
  next_hop: string
  attempts: number
  /** next attempt; null: none */
  due_at: string | null
  last_reply: string
}

/** Page of unsent deliveries, those due first. */
export interface UnsentPage {
  items: Unsent[]
  next_cursor: string | null
}

/** Action of a person on messages. */
export type Verb = 'release' | 'redirect' | 'purge' | 'reject' | 'restore' | 'hold' | 'redeliver'

/** The policy's decision, and its reason. */
export interface Verdict {
  disposition: string
  rule: string
  reason: string
}

/** Result of verifying the audit log. */
export interface Verification {
  /** Chained entries that are still there. */
  records: number
  unchained: number
  head: string
  /** Where the chain breaks; empty: nowhere. */
  fault: string
  /** Checkpoints that the audit log was compared with. */
  checkpoints: number
  /** With `state`: the database compared with the audit log. */
  state: StateVerification | null
}

/** Whether web push is on here, and in this browser. */
export interface WebPush {
  /** The key with which a browser subscribes, base64url; empty where web push is off. */
  key: string
  /** Does the browser of this session get it? */
  subscribed: boolean
}

/** State of a webhook. */
export interface Webhook {
  name: string
  /** new: nothing was taken yet; failing: three calls in a row failed; gone: it answered 410 and is not called any more */
  state: 'new' | 'works' | 'failing' | 'gone'
  /** calls not delivered yet */
  waiting: number
  /** since when the first of them waits */
  oldest: string | null
  /** last accepted call */
  succeeded_at: string | null
  /** in a row */
  failures: number
  /** paused after failures until then */
  retry_at: string | null
  /** calls given up */
  dropped: number
  last_reply: string
}

/** The test call that will be sent. */
export interface WebhookTried {
  /** the id of the call, as the receiver gets it */
  event: string
}

/** All of the settings. */
export interface Webhooks {
  items: Webhook[]
  next_cursor: null
}

/** A link without its key. */
export interface WebmailLink {
  id: string
  name: string
  made_at: string
  expires_at: string
  /** last use, to half a minute; null: never */
  used_at: string | null
  /** network address of the last use: that of the webmail server */
  client: string
}

/** Your links that work, the newest first. */
export interface WebmailLinks {
  items: WebmailLink[]
}

/** Findings about a message, and the deliveries that an act is about. */
export interface WebmailMessage {
  /** Message-ID without brackets: webmail compares it, because a field of a message that never came through us proves nothing */
  message_id_field: string
  proof: string
  proof_sentence: string
  /** messages of its campaign; 0: it is like no other */
  group: number
  /** of a mirrored copy only the one that it shows */
  deliveries: Delivery[]
}

/** Messages that fit, newest first. */
export interface Where {
  sentence: string
  places: triage_api__schemas__queue__where__Place[]
  since: string
  until: string
}

/** Reason that moves a row up (positive points) or down in the queue. */
export interface WhyHere {
  name: string
  points: number
  sentence: string
}

/** A department as the directory has it. */
export interface triage_api__schemas__access__people__Place {
  code: string
  name: string
  /** takes what is released to the department itself; empty: it has none */
  mailbox: string
  /** role addresses, as the directory writes them */
  roles: string[]
  /** full name; empty: nobody is named */
  responsible: string
  people: number
}

/** Place of a message, or of refused attempts to send it. */
export interface triage_api__schemas__queue__where__Place {
  at: string
  sender: string
  /** Empty for a refused message: Mailroom never saw it. */
  subject: string
  recipient: string
  sentence: string
  /** Null: it was refused at SMTP. */
  delivery: string | null
  /** State of the delivery, or `refused`. */
  state: string
}
