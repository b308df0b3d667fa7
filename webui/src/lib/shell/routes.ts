// The pages there are: where each is, what it is called, its file, its command in the key map, its glyph, and its group in the navigation.
import { t } from '../i18n/i18n'
import { proposals } from '../rules/suggestionCount.svelte'
import { requests } from '../employee/requestCount.svelte'
import type { IconName } from '../ui/icons'
import { approvals } from '../decisions/approvalCount.svelte'
import { session } from '../state/session.svelte'

export interface Place {
  readonly path: string
  readonly says: string
  readonly command: string
  readonly group: 'mail' | 'people' | 'insights' | 'administration'
  readonly icon: IconName
  /** Its file in src/pages, with its folder. */
  readonly page: string
  /** The file of one thing of this page, at `path`/ID. */
  readonly one?: string
  /** For whom it is in the navigation; left out: for everybody. */
  readonly shown?: () => boolean
  readonly count?: () => number
}

export const PLACES: readonly Place[] = [
  { path: '/first-day', says: t('First day'), command: 'goFirstDay', group: 'mail', icon: 'sunrise', page: 'rules/RuleSuggestions', shown: () => proposals.mine && proposals.open > 0, count: () => proposals.open },
  { path: '/requests', says: t('Requests'), command: 'goRequests', group: 'mail', icon: 'mail-question-mark', page: 'queue/Requests', shown: () => requests.open > 0, count: () => requests.open },
  { path: '/approvals', says: t('Approvals'), command: 'goApprovals', group: 'mail', icon: 'key-round', page: 'decisions/Approvals', shown: () => approvals.count > 0, count: () => approvals.count },
  { path: '/campaigns', says: t('Campaigns'), command: 'goCampaigns', group: 'mail', icon: 'layers', page: 'queue/Campaigns', one: 'queue/Campaign' },
  { path: '/decisions', says: t('Decisions'), command: 'goDecisions', group: 'mail', icon: 'history', page: 'decisions/Decisions', one: 'decisions/Decision' },
  { path: '/outgoing', says: t('Outgoing'), command: 'goOutgoing', group: 'mail', icon: 'send', page: 'operations/OutgoingQueue' },
  { path: '/where', says: t('Where is my message?'), command: 'goWhere', group: 'mail', icon: 'search', page: 'queue/WhereIsMyMessage', shown: () => false }, // by key, palette and from People
  { path: '/end-of-shift', says: t('End of shift'), command: 'goEndOfShift', group: 'mail', icon: 'timer', page: 'account/EndOfShift', shown: () => false }, // by key, palette and from the account menu
  { path: '/contacts', says: t('Contacts'), command: 'goContacts', group: 'people', icon: 'book-user', page: 'rules/Contacts' },
  { path: '/people', says: t('Employees'), command: 'goPeople', group: 'people', icon: 'users', page: 'people/People', one: 'people/Person' },
  { path: '/staff', says: t('Staff'), command: 'goStaff', group: 'people', icon: 'id-card', page: 'people/Staff' },
  { path: '/reports', says: t('Reports'), command: 'goReports', group: 'insights', icon: 'chart-column', page: 'operations/Reports' },
  { path: '/training', says: t('Training'), command: 'goTraining', group: 'insights', icon: 'graduation-cap', page: 'account/Training' },
  { path: '/audit', says: t('Audit log'), command: 'goAudit', group: 'insights', icon: 'scroll-text', page: 'operations/Audit', shown: () => session.me?.role !== 'triage' && session.wholeCompany },
  { path: '/rules', says: t('Rules'), command: 'goRules', group: 'administration', icon: 'list-checks', page: 'rules/Rules' },
  { path: '/enforcement', says: t('Enforcement'), command: 'goEnforcement', group: 'administration', icon: 'shield', page: 'operations/EnforcementMode', shown: () => session.me?.role === 'admin' },
  { path: '/system', says: t('Tokens and webhooks'), command: 'goSystem', group: 'administration', icon: 'key-round', page: 'operations/System', shown: () => session.me?.role === 'admin' && session.wholeCompany },
  { path: '/health', says: t('Health'), command: 'goHealth', group: 'administration', icon: 'circle-check', page: 'operations/Health', shown: () => session.me?.role === 'admin' && session.wholeCompany },
  { path: '/configuration', says: t('Configuration'), command: 'goConfiguration', group: 'administration', icon: 'sliders-horizontal', page: 'operations/Configuration', shown: () => session.me?.role === 'admin' && session.wholeCompany },
  { path: '/settings', says: t('Settings'), command: 'goSettings', group: 'administration', icon: 'settings', page: 'account/Settings' },
]

/** Pages about one thing of which there is no list to begin at. */
export const SINGLE = [{ path: '/senders', one: 'rules/Sender' }]
