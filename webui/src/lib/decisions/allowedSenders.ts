// Whom a release would let in: asked of the server before anything is armed or a sheet is shown.
import { api } from '../api/client'
import { Approval } from './allowSteps.svelte'
import type { AlongRule, Evidence, Select } from '../schema/types'

export const ALLOW: AlongRule = { effect: 'allow', match: 'address', scope: '' }

/** What the server says of the senders; and, where there is one who proves to have sent it all, the rule of one key. */
export interface Asked { evidence: Evidence; approval: Approval | null }

export async function askAllow(select: Select): Promise<Asked> {
  const evidence = await api.preview(select, 'release', ALLOW)
  const [only, ...more] = evidence.allow!.senders
  const oneKey = only?.chosen && !more.length
  return { evidence, approval: oneKey ? await Approval.of(select, ALLOW) : null }
}
