// A step for a scope: asked for, or only counted. Administrators alone need it.
import { call } from '../api/client'
import type { Enforcement, EnforcementPreview, ScopeStep } from '../schema/types'
import type { Step } from './steps'

/** What somebody chose; null as the step: what the settings say. `note`: the person's daily digest names what is held for the assistant. */
export interface Wanted { step: Step | null; reason: string; now: boolean; note: boolean; expect?: number }

const orderOf = (scope: string, step: Step | null, now: boolean) => ({ scope, step, starts_at: now ? 'now' : 'default' })

/** What a step would do. */
export const previewStep = (scope: string, step: Step | null, now: boolean) => call<EnforcementPreview>('POST', '/enforcement/preview', orderOf(scope, step, now))

/** Sets it; refused where it would deliver another number of messages than `expect`. */
export const setStep = (scope: string, { step, reason, now, note, expect }: Wanted) => call<Enforcement>('PUT', '/enforcement', { ...orderOf(scope, step, now), reason, note, expect })

/** An employee without a step of their own: the step that counts for them, as the server says it. */
export async function personStep(scope: string, name: string): Promise<ScopeStep> {
  const { step } = await previewStep(scope, null, true)
  return { scope, name, step, by: '', at: null, ends_at: null, reason: '', planned: null, note: false, effect: null, held_for_assistant: null }
}
