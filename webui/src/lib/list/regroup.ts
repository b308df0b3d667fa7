// The campaigns of rows of the queue: joined to one, or split.
import { api } from '../api/client'
import { desk } from '../decisions/decisions.svelte'
import { t } from '../i18n/i18n'
import type { Row } from '../queue/row'

/** The campaigns of these rows are one from now on. */
export async function join(rows: readonly Row[]): Promise<void> {
  const [into, other, more] = [...new Set(rows.map((row) => row.lead.campaign).filter((one) => one !== null))]
  if (!into || !other || more) return desk.say(t('Select rows of two campaigns to merge them.'))
  await desk.regroup(api.joinCampaign(other, into), t('Merged into one campaign.'))
}

/** These messages are a campaign of their own from now on. */
export async function split(rows: readonly Row[]): Promise<void> {
  const campaign = rows[0]?.lead.campaign
  if (!campaign || rows.some((row) => !row.parent || row.lead.campaign !== campaign)) return desk.say(t('Expand a campaign and select the messages that do not belong to it.'))
  await desk.regroup(api.splitCampaign(campaign, rows.flatMap((row) => row.ids)), t('Split off into a campaign of their own.'))
}
