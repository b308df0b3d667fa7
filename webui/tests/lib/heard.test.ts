// What the server says, in German.
import { expect, test } from 'vitest'
import german from '../../src/languages/server/de'
import { sentencesOf, translated } from '../../src/lib/heard'

const sentences = sentencesOf(german)

test.each([
  ['nobody here knows sales@x.example yet', 'sales@x.example kennt hier noch niemand'],
  ['observe mode: would have been stopped because nobody here knows sales@x.example yet', 'Beobachtung: Sie wäre aufgehalten worden, denn sales@x.example kennt hier noch niemand'],
  ['Ana Roth wrote to sales@x.example on 12 Nov 2026, and it proves that it comes from there', 'Ana Roth hat am 12 Nov 2026 an sales@x.example geschrieben, und sie weist nach, dass sie von dort kommt'],
  ['Nobody here has had mail from a@x.example before, but from others at x.example.', 'Von a@x.example hat hier noch niemand Mail bekommen, nur von anderen bei x.example.'],
  ['Nobody here has had mail from a@x.example before.', 'Von a@x.example hat hier noch niemand Mail bekommen.'],
  ['x.example proves that it sent this: DMARC passes by DKIM and SPF.', 'x.example hat sie nachweislich geschickt: DMARC besteht durch DKIM and SPF.'],
  ['The attachment a.zip holds {1} (b).exe, which could run a program.', 'Der Anhang a.zip enthält {1} (b).exe, was ein Programm ausführen könnte.'],
  ['A sentence that is new.', 'A sentence that is new.'],
])('%s', (said, here) => expect(translated(said, sentences)).toBe(here))

test('every gap that German names is one of the sentence', () => {
  const wrong = Object.entries(german).filter(([said, here]) => (here.match(/\{(\d)\}/g) ?? []).some((gap) => Number(gap[1]) < 1 || Number(gap[1]) > said.split('{}').length - 1))
  expect(wrong).toEqual([])
})
