// What the server says, in the language of whoever reads: its sentences are stored in English as they were said. Values only.

type Sentence = readonly [RegExp, string]

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** Sentences with gaps, "{} blocked {} on {}", as what recognises them; the sentences that say most come first. */
export const sentencesOf = (table: Readonly<Record<string, string>>): readonly Sentence[] =>
  Object.entries(table)
    .sort(([one], [other]) => other.replaceAll('{}', '').length - one.replaceAll('{}', '').length)
    .map(([said, here]) => [new RegExp(`^${said.split('{}').map(escaped).join('(.*?)')}$`, 's'), here])

/** A sentence as it is said here; as it was said where it is not known. What stands in a gap may be a sentence itself. */
export function translated(text: string, sentences: readonly Sentence[]): string {
  for (const [said, here] of sentences) {
    const found = said.exec(text)
    if (found) return here.replace(/\{(\d)\}/g, (_, gap: string) => translated(found[Number(gap)] ?? '', sentences))
  }
  return text
}
