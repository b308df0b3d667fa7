// The three tabs of the list and where their rows come from.
import { t } from '../i18n/i18n'
import { api } from '../api/client'
import { narrowingWords, sortOf } from './narrowing'
import { folderWords, rowOfItem, rowOfDelivery, SHARED, type Folder, type Row } from './row'
import type { From, Read } from './listWindow'
import { STATES_ALL } from '../i18n/format'
import type { Deliveries, Delivery, State } from '../schema/types'

export type Tab = 'held' | 'decided' | 'problems' | 'all'
export type Group = 'campaign' | 'sender' | 'none'

export const GROUPS: readonly { name: Group; says: string }[] = [
  { name: 'campaign', says: t('Campaign') },
  { name: 'sender', says: t('Sender') },
  { name: 'none', says: t('None') },
]

/** The tabs of the list; "mine" is what waits and was assigned to us. */
export const TABS: readonly { tab: Tab | 'mine'; says: string }[] = [
  { tab: 'held', says: t('Needs a decision') },
  { tab: 'mine', says: t('Assigned to me') },
  { tab: 'decided', says: t('Decided') },
  { tab: 'problems', says: t('Delivery problems') },
  { tab: 'all', says: t('All messages') },
]

interface Asked extends Folder { tab: Tab; group: Group; q: string; assigned: string; message?: string; narrowing: string }
/** `more`: a plus where there are more messages than that, nobody knows how many. `further`: a search ran out of time there. `position`: how many rows lie above, where that is known. `hidden`: rows that a filter leaves out. `snoozed`: rows that we have snoozed, `backAt`: when the first is back. */
export interface Rows extends Read { messages: number; groups: number; more?: string; further?: Further; position?: number | null; hidden?: number; snoozed?: number; backAt?: string | null }
/** How far a search looked back, and where it goes on. */
export interface Further { to: string; from: From }

const following = (cursor: string | null): From | null => (cursor ? { cursor } : null)

const DECIDED = STATES_ALL.filter((one) => one !== 'held')

/** Does this message need attention: it bounced, the next hop deferred it, or its mailbox cannot be entered. */
const isProblem = (mail: Delivery): boolean => mail.state === 'bounced' || Boolean(mail.last_reply) || (mail.attempts > 0 && mail.state === 'queued')

async function readProblems({ department, person }: Asked): Promise<Rows> {
  const { items } = await api.queue()
  const wanted = person === SHARED ? '' : person
  const mine = items.filter((mail) => isProblem(mail) && (!department || mail.department === department) && (!person || mail.person === wanted))
  return { rows: mine.map((mail) => rowOfDelivery(mail)), messages: mine.length, groups: 0, next: null, prev: null }
}

async function readDeliveries(states: readonly State[], asked: Asked, limit: number, from: From): Promise<Rows> {
  const page = await api.deliveries({ state: states, ...folderWords(asked), q: asked.q || null, limit, ...from })
  const further = page.looked_back_to && page.next_cursor ? { to: page.looked_back_to, from: { cursor: page.next_cursor } } : undefined
  const more = page.total_is_at_least ? '+' : ''
  return { rows: page.items.map((mail) => rowOfDelivery(mail)), messages: page.total_estimate, groups: 0, more, further, next: further ? null : following(page.next_cursor), prev: null }
}

/** One message: each of its copies that we may see, or the one that was asked for. */
async function readMessage(asked: string): Promise<Rows> {
  const [kind, id] = asked.split('/') as ['messages' | 'deliveries', string]
  const copies = kind === 'messages' ? await api.copies(id) : [await api.delivery(id)]
  return { rows: copies.map((mail) => rowOfDelivery(mail)), messages: copies.length, groups: 0, next: null, prev: null }
}

/** One page of a tab. */
export async function readTab(asked: Asked, limit: number, from: From): Promise<Rows> {
  if (asked.message) return readMessage(asked.message)
  if (asked.tab === 'problems') return readProblems(asked)
  if (asked.tab === 'decided') return readDeliveries(DECIDED, asked, limit, from)
  if (asked.tab === 'all') return readDeliveries(STATES_ALL, asked, limit, from)
  const page = await api.triage({ ...itemWords(asked), limit, ...from })
  const prev = page.previous_cursor ? { before: page.previous_cursor } : null
  const sorted = sortOf(asked.narrowing) !== 'priority'
  const rows = page.items.map((item) => (sorted ? { ...rowOfItem(item), stands: 'rest' as const } : rowOfItem(item)))
  return { rows, messages: page.total_deliveries, groups: asked.group === 'none' ? 0 : page.total_items, position: page.position, hidden: page.hidden_items, snoozed: page.snoozed_items, backAt: page.snoozed_until, next: following(page.next_cursor), prev }
}

const waitingWords = (asked: Asked) => ({ ...folderWords(asked), q: asked.q || null, assigned_to: asked.assigned || null, state: 'held' })
export const itemWords = (asked: Asked) => ({ group: asked.group, ...waitingWords(asked), ...narrowingWords(asked.narrowing) })

/** How many messages came into these folders since then, of those that `known` does not know; at most 200. */
export async function countNew(asked: Asked, since: number, known: (mail: Delivery) => boolean): Promise<number> {
  const page = await api.deliveries({ ...waitingWords(asked), since: new Date(since).toISOString(), limit: 200 })
  return page.items.filter((mail) => !known(mail)).length
}

const MOST = 1_000 // messages of an opened group

/** The single messages of a group, newest first, at most a thousand. A search that runs out of time looks further until it has them. */
export async function readGroup(row: Row, asked: Asked): Promise<Delivery[]> {
  const { sender, campaign, proof } = row.select
  const mine = new Set(row.ids)
  const messages: Delivery[] = []
  let read = 0
  let page: Deliveries | null = null
  do {
    page = await api.deliveries({ ...waitingWords(asked), sender, campaign, proof, limit: 200, cursor: page?.next_cursor ?? null })
    read += page.items.length
    messages.push(...(row.count > row.ids.length ? page.items : page.items.filter((mail) => mine.has(mail.id))))
  } while (page.next_cursor && read < MOST && !(page.looked_back_to && messages.length >= row.count))
  return messages
}
