// The start list: known senders of confirmations and sign-in codes, offered by category.
import { call } from './client'
import type { PendingApproval, StartList, StartListAct, StartListPlan } from '../schema/types'

export const readStartList = (): Promise<StartList> => call<StartList>('GET', '/start-list')
export const readCategory = (name: string): Promise<StartListPlan> => call<StartListPlan>('GET', `/start-list/${name}`)
export const allowCategory = (plan: StartListPlan): Promise<StartListAct | PendingApproval> => call<StartListAct | PendingApproval>('POST', `/start-list/${plan.name}`, { fence: plan.fence })
export const undoAct = (id: string): Promise<StartListAct> => call<StartListAct>('POST', `/start-list/acts/${id}/undo`)

/** The category to ask about next: the first with something to allow that was not deferred; "" for none. */
export const nextCategory = (list: StartList | null, later: readonly string[]): string => list?.categories.find((one) => one.offered && !later.includes(one.name))?.name ?? ''
