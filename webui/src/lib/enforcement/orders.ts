// A step for a scope: asked for, or only counted. Administrators alone need it.
import { call } from '../api/client'
import type { Enforcement, EnforcementPreview } from '../schema/types'
import type { Step } from './steps'

const orderOf = (scope: string, step: Step | null, now: boolean) => ({ scope, step, starts_at: now ? 'now' : 'default' })

/** What a step would do. */
export const previewStep = (scope: string, step: Step | null, now: boolean) => call<EnforcementPreview>('POST', '/enforcement/preview', orderOf(scope, step, now))

/** Sets it; refused where it would deliver another number of messages than `expect`. */
export const setStep = (scope: string, step: Step | null, reason: string, now: boolean, expect?: number) => call<Enforcement>('PUT', '/enforcement', { ...orderOf(scope, step, now), reason, expect })
