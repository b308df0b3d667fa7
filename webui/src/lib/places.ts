// The pages there are: where each is, what it is called, its file, its command in the key map, and where it stands in the rail.
import { t } from './language'
import { proposals } from './proposals.svelte'
import { requests } from './requests.svelte'
import { secondKeys } from './secondKeys.svelte'
import { session } from './session.svelte'

export interface Place {
  readonly path: string
  readonly says: string
  readonly command: string
  readonly part: 'queue' | 'end'
  /** Its file in ../pages. */
  readonly page: string
  /** The file of one thing of this page, at `path`/ID. */
  readonly one?: string
  /** For whom it is in the rail; left out: for everybody. */
  readonly shown?: () => boolean
  readonly count?: () => number
}

export const PLACES: readonly Place[] = [
  { path: '/sending', says: t('On the way'), command: 'goSending', part: 'queue', page: 'Sending' },
  { path: '/requests', says: t('Asked for'), command: 'goRequests', part: 'queue', page: 'Requests', shown: () => requests.open > 0, count: () => requests.open },
  { path: '/second-keys', says: t('Second keys'), command: 'goSecondKeys', part: 'queue', page: 'SecondKeys', shown: () => secondKeys.count > 0, count: () => secondKeys.count },
  { path: '/decisions', says: t('Decisions'), command: 'goDecisions', part: 'queue', page: 'Decisions', one: 'Decision' },
  { path: '/first-day', says: t('First day'), command: 'goFirstDay', part: 'end', page: 'FirstDay', shown: () => proposals.mine && proposals.open > 0, count: () => proposals.open },
  { path: '/campaigns', says: t('Campaigns'), command: 'goCampaigns', part: 'end', page: 'Campaigns', one: 'Campaign' },
  { path: '/rules', says: t('Rules'), command: 'goRules', part: 'end', page: 'Rules' },
  { path: '/correspondents', says: t('Correspondents'), command: 'goCorrespondents', part: 'end', page: 'Correspondents' },
  { path: '/people', says: t('People'), command: 'goPeople', part: 'end', page: 'People', one: 'Person' },
  { path: '/reports', says: t('Reports'), command: 'goReports', part: 'end', page: 'Reports' },
  { path: '/practice', says: t('Practice'), command: 'goPractice', part: 'end', page: 'Practice' },
  { path: '/staff', says: t('Staff'), command: 'goStaff', part: 'end', page: 'Staff' },
  { path: '/audit', says: t('Audit'), command: 'goAudit', part: 'end', page: 'Audit', shown: () => session.me?.role !== 'triage' && session.wholeCompany },
  { path: '/doors', says: t('Doors'), command: 'goDoors', part: 'end', page: 'Doors', shown: () => session.me?.role === 'admin' },
  { path: '/settings', says: t('Settings'), command: 'goSettings', part: 'end', page: 'Settings' },
]

/** Pages about one thing of which there is no list to begin at. */
export const SINGLE = [{ path: '/senders', one: 'Sender' }]
