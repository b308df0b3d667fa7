// The pages there are: where each is, what it is called, its command in the key map, and where it stands in the rail.
import type { Component } from 'svelte'
import { t } from './language'
import { proposals } from './proposals.svelte'
import { requests } from './requests.svelte'
import { secondKeys } from './secondKeys.svelte'
import { session } from './session.svelte'

type Page = Component<{ id: string }> | Component

export interface Place {
  readonly path: string
  readonly says: string
  readonly command: string
  readonly part: 'queue' | 'end'
  readonly load: () => Promise<{ default: Page }>
  /** One thing of this page, at `path`/ID. */
  readonly one?: () => Promise<{ default: Component<{ id: string }> }>
  /** For whom it is in the rail; left out: for everybody. */
  readonly shown?: () => boolean
  readonly count?: () => number
}

export const PLACES: readonly Place[] = [
  { path: '/sending', says: t('On the way'), command: 'goSending', part: 'queue', load: () => import('../pages/Sending.svelte') },
  { path: '/requests', says: t('Asked for'), command: 'goRequests', part: 'queue', load: () => import('../pages/Requests.svelte'), shown: () => requests.open > 0, count: () => requests.open },
  { path: '/second-keys', says: t('Second keys'), command: 'goSecondKeys', part: 'queue', load: () => import('../pages/SecondKeys.svelte'), shown: () => secondKeys.items.length > 0, count: () => secondKeys.items.length },
  { path: '/decisions', says: t('Decisions'), command: 'goDecisions', part: 'queue', load: () => import('../pages/Decisions.svelte'), one: () => import('../pages/Decision.svelte') },
  { path: '/first-day', says: t('First day'), command: 'goFirstDay', part: 'end', load: () => import('../pages/FirstDay.svelte'), shown: () => proposals.mine && proposals.open > 0, count: () => proposals.open },
  { path: '/campaigns', says: t('Campaigns'), command: 'goCampaigns', part: 'end', load: () => import('../pages/Campaigns.svelte'), one: () => import('../pages/Campaign.svelte') },
  { path: '/rules', says: t('Rules'), command: 'goRules', part: 'end', load: () => import('../pages/Rules.svelte') },
  { path: '/correspondents', says: t('Correspondents'), command: 'goCorrespondents', part: 'end', load: () => import('../pages/Correspondents.svelte') },
  { path: '/people', says: t('People'), command: 'goPeople', part: 'end', load: () => import('../pages/People.svelte'), one: () => import('../pages/Person.svelte') },
  { path: '/reports', says: t('Reports'), command: 'goReports', part: 'end', load: () => import('../pages/Reports.svelte') },
  { path: '/practice', says: t('Practice'), command: 'goPractice', part: 'end', load: () => import('../pages/Practice.svelte') },
  { path: '/staff', says: t('Staff'), command: 'goStaff', part: 'end', load: () => import('../pages/Staff.svelte') },
  { path: '/audit', says: t('Audit'), command: 'goAudit', part: 'end', load: () => import('../pages/Audit.svelte'), shown: () => session.me?.role !== 'triage' && session.wholeCompany },
  { path: '/doors', says: t('Doors'), command: 'goDoors', part: 'end', load: () => import('../pages/Doors.svelte'), shown: () => session.me?.role === 'admin' },
  { path: '/settings', says: t('Settings'), command: 'goSettings', part: 'end', load: () => import('../pages/Settings.svelte') },
]

/** Pages about one thing of which there is no list to begin at. */
const SINGLE = [{ path: '/senders', one: () => import('../pages/Sender.svelte') }]

/** Which page an address means, and which one thing of it; undefined where there is none. */
export function placeAt(path: string): { load: () => Promise<{ default: Page }>; id: string } | undefined {
  const whole = PLACES.find((one) => path === one.path)
  if (whole) return { load: whole.load, id: '' }
  const found = [...PLACES, ...SINGLE].find((one) => one.one && path.startsWith(`${one.path}/`))
  return found?.one && { load: found.one, id: decoded(path.slice(found.path.length + 1)) }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
