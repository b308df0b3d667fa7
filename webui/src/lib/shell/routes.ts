// The pages there are: where each is, what it is called, its file, its command in the key map, and where it stands in the rail.
import { t } from '../i18n/i18n'
import { proposals } from '../rules/suggestionCount.svelte'
import { requests } from '../employee/requestCount.svelte'
import { secondKeys } from '../decisions/approvalCount.svelte'
import { session } from '../state/session.svelte'

export interface Place {
  readonly path: string
  readonly says: string
  readonly command: string
  readonly part: 'queue' | 'end'
  /** Its file in src/pages, with its folder. */
  readonly page: string
  /** The file of one thing of this page, at `path`/ID. */
  readonly one?: string
  /** For whom it is in the rail; left out: for everybody. */
  readonly shown?: () => boolean
  readonly count?: () => number
}

export const PLACES: readonly Place[] = [
  { path: '/outgoing', says: t('Outgoing'), command: 'goSending', part: 'queue', page: 'operations/OutgoingQueue' },
  { path: '/requests', says: t('Requests'), command: 'goRequests', part: 'queue', page: 'queue/Requests', shown: () => requests.open > 0, count: () => requests.open },
  { path: '/approvals', says: t('Approvals'), command: 'goSecondKeys', part: 'queue', page: 'decisions/Approvals', shown: () => secondKeys.count > 0, count: () => secondKeys.count },
  { path: '/decisions', says: t('Decisions'), command: 'goDecisions', part: 'queue', page: 'decisions/Decisions', one: 'decisions/Decision' },
  { path: '/first-day', says: t('First day'), command: 'goFirstDay', part: 'end', page: 'rules/RuleSuggestions', shown: () => proposals.mine && proposals.open > 0, count: () => proposals.open },
  { path: '/campaigns', says: t('Campaigns'), command: 'goCampaigns', part: 'end', page: 'queue/Campaigns', one: 'queue/Campaign' },
  { path: '/rules', says: t('Rules'), command: 'goRules', part: 'end', page: 'rules/Rules' },
  { path: '/contacts', says: t('Contacts'), command: 'goCorrespondents', part: 'end', page: 'rules/Contacts' },
  { path: '/people', says: t('People'), command: 'goPeople', part: 'end', page: 'people/People', one: 'people/Person' },
  { path: '/where', says: t('Where is my message?'), command: 'goWhere', part: 'end', page: 'queue/WhereIsMyMessage', shown: () => false }, // by key, palette and from People
  { path: '/reports', says: t('Reports'), command: 'goReports', part: 'end', page: 'operations/Reports' },
  { path: '/training', says: t('Training'), command: 'goPractice', part: 'end', page: 'account/Training' },
  { path: '/staff', says: t('Staff'), command: 'goStaff', part: 'end', page: 'people/Staff' },
  { path: '/audit', says: t('Audit log'), command: 'goAudit', part: 'end', page: 'operations/Audit', shown: () => session.me?.role !== 'triage' && session.wholeCompany },
  { path: '/enforcement', says: t('Enforcement'), command: 'goDoors', part: 'end', page: 'operations/EnforcementMode', shown: () => session.me?.role === 'admin' },
  { path: '/settings', says: t('Settings'), command: 'goSettings', part: 'end', page: 'account/Settings' },
]

/** Pages about one thing of which there is no list to begin at. */
export const SINGLE = [{ path: '/senders', one: 'rules/Sender' }]
