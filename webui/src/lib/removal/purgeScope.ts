// How far a purge or a block may go, as selections for the API.
import { plural, t } from '../i18n/i18n'
import { selectOf, type Row, type Shown } from '../queue/row'
import type { CampaignDetail, Select, Sender, State } from '../schema/types'
import { plain } from '../i18n/format'

export interface PurgeScope { name: 'these' | 'campaign' | 'whole' | 'near' | 'forgeries' | 'sender' | 'domain'; says: string; about: string; select: Select }

/** Copies that a purge is about: waiting here, on their way, or already delivered. */
const PURGEABLE: State[] = ['held', 'queued', 'relaying', 'restoring', 'delivered', 'bounced']

/** Copies that wait here. */
const WAITING: State[] = ['held']

/** The campaign of one row: what proves the same about its sender, and, where there is more of it, all of it. */
function campaignOf(rows: readonly Row[]): PurgeScope[] {
  const [row] = rows
  if (!row?.lead.campaign || rows.length > 1) return []
  const { campaign, proven_as, flood, is_copy, author_domain } = row.lead
  if (is_copy) {
    const all: PurgeScope = { name: 'campaign', says: t('All copies'), about: t('same text or links, from any sender that is not a contact'), select: { campaign, proof: 'copies', states: PURGEABLE } }
    const near: PurgeScope = { name: 'near', says: t('Only copies from {domain}', { domain: plain(author_domain) }), about: '', select: { campaign, proof: 'copies', domain: author_domain, states: PURGEABLE } }
    return author_domain ? [all, near] : [all]
  }
  const whose = proven_as && !flood ? t('copies really from {sender}', { sender: plain(proven_as) }) : t('copies from any sender')
  const alike: PurgeScope = { name: 'campaign', says: t('This campaign'), about: whose, select: { campaign, proof: flood ? 'none' : proven_as || 'none', states: PURGEABLE } }
  const whole: PurgeScope = { name: 'whole', says: t('Whole campaign'), about: t('including copies with another proof'), select: { campaign, proof: 'any', states: PURGEABLE } }
  return row.apart ? [alike, whole] : [alike]
}

/** A campaign on its own page: its copies, or what most of it proves; and where others prove differently all of it. */
export function purgeScopesOfCampaign({ id, copies, by_proof: [most, ...others] }: CampaignDetail): PurgeScope[] {
  const alike: PurgeScope = { name: 'campaign', says: t('This campaign'), about: others.length ? (most?.proof === 'none' ? t('copies whose sender is not proven') : t('copies really from {sender}', { sender: plain(most?.proof) })) : t('copies from any sender'), select: { campaign: id, proof: most?.proof ?? 'any', states: PURGEABLE } }
  const whole: PurgeScope = { name: 'whole', says: t('Whole campaign'), about: t('including copies with another proof'), select: { campaign: id, proof: 'any', states: PURGEABLE } }
  if (copies) return [{ name: 'campaign', says: t('All copies'), about: t('same text or links, from any sender that is not a contact'), select: { campaign: id, proof: 'copies', states: PURGEABLE } }, whole]
  return others.length ? [alike, whole] : [alike]
}

/** The choices for these rows, narrowest first. Several senders at once offer no wider scope. */
export function purgeScopesOf(rows: readonly Row[], shown: Shown, decided: (id: string) => boolean): PurgeScope[] {
  const lead = rows[0]?.lead
  if (!lead) return []
  if (rows[0]?.key === '*') return [{ name: 'these', says: plural('All {n} message|All {n} messages', rows[0].count), about: t('in this search or folder'), select: { ...rows[0].select, states: WAITING } }]
  const { select, count } = selectOf(rows, decided, shown)
  const these: PurgeScope = { name: 'these', says: count === 1 ? t('This message') : plural('This {n} message|These {n} messages', count), about: count === 1 ? t('only this copy') : t('only what you selected'), select }
  const campaign = campaignOf(rows)
  if (campaign.length) these.about = count === 1 ? t('only this copy') : t('only these copies')
  const narrow = lead.is_copy && campaign.length ? [...campaign, these] : [these, ...campaign]
  if (!lead.author || rows.some((row) => row.lead.author !== lead.author)) return narrow
  return [...narrow, ...(lead.claimed ? [ofClaim(lead.author)] : [ofSender(lead.author), ofDomain(lead.author_domain)])]
}

const ofSender = (address: string): PurgeScope => ({ name: 'sender', says: t('This sender'), about: plain(address), select: { sender: address, states: PURGEABLE } })
const ofClaim = (address: string): PurgeScope => ({ name: 'sender', says: t('This claimed author'), about: t('only messages with an unclear author that claim to be from {sender}', { sender: plain(address) }), select: { sender: address, proof: 'claimed', states: PURGEABLE } })
const ofDomain = (domain: string): PurgeScope => ({ name: 'domain', says: t('Whole domain'), about: plain(domain), select: { domain, states: PURGEABLE } })

/** A sender on its own page: an address and its domain, or a domain. */
export const purgeScopesOfSender = ({ name, lead }: Sender): PurgeScope[] => (name.includes('@') ? [ofSender(name), ofDomain(lead.author_domain)] : [ofDomain(name)])
