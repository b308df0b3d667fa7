// Senders that a release would allow, as the server lists them before anything is confirmed.
import { t } from '../i18n/i18n'
import { api } from '../api/client'
import { Approval } from './allowSteps.svelte'
import type { AlongRule, Evidence, Select } from '../schema/types'

export const ALLOW: AlongRule = { effect: 'allow', match: 'address', scope: '' }

/** What a rule says when the password of an encrypted file was given by phone, and the reason of the release. */
export const BY_PHONE = t('The password was given by phone.')

/** What the server says of the senders; and, where there is one who proves to have sent it all, the rule of one key. */
export interface Asked { evidence: Evidence; approval: Approval | null }

export async function askAllow(select: Select): Promise<Asked> {
  const evidence = await api.preview(select, 'release', ALLOW)
  const [only, ...more] = evidence.allow!.senders
  const oneKey = only?.chosen && !more.length && !evidence.allow!.only_encrypted // a sheet asks about the password
  return { evidence, approval: oneKey ? await Approval.of(select, ALLOW) : null }
}
