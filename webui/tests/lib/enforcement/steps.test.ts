// What a person's step would do, in sentences.
import { expect, test } from 'vitest'
import { previewWords, type Step } from '../../../src/lib/enforcement/steps'
import type { EnforcementPreview, ScopeStep } from '../../../src/lib/schema/types'

const NOTHING: EnforcementPreview = { scope: 'person:joe', step: 'hold-unknown', starts_at: null, delivers: 0, kept: 0, holds: 0, days: 14, tells: [] }
const said = (before: Step, found: Partial<EnforcementPreview>) => previewWords({ scope: 'person:joe', name: 'Joe', step: before } as ScopeStep, { ...NOTHING, ...found }, 'Joe')

test.each<[string, Step, Partial<EnforcementPreview>, string[]]>([
  ['it begins', 'hold-unknown', { step: 'hold-everything', holds: 30, tells: ['joe'] }, ['In the last 14 days it would have held 30 more messages.', 'That is about 2 messages a day.', 'Joe gets an email about this.']],
  ['it begins, for somebody who gets few', 'hold-unknown', { step: 'hold-everything', holds: 1 }, ['In the last 14 days it would have held 1 more message.']],
  ['it ends', 'hold-everything', { delivers: 2, kept: 1 }, ['2 held messages from known senders are delivered at once. Undoing that decision sets Hold everything again too.', '1 message from known senders looks suspicious or worse, and stays held.', 'Other held messages are not released.']],
  ['it ends, and nothing is held', 'hold-everything', {}, ['Messages that are held now are not released.']],
  ['it ends later', 'hold-everything', { starts_at: '2026-12-02T07:00:00Z' }, ['Messages that are held now are not released.']],
  ['another one', 'record-only', {}, []],
])('%s', (_, before, found, words) => expect(said(before, found)).toEqual(words))
