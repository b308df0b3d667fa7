// The departments and persons in our scope, with live counts of what is held.
import { api } from '../api/client'
import type { Folder } from '../schema/types'

/** Number of held messages in a department that we may decide: confidential ones need a keeper. */
const open = (one: Folder): number => (one.confidential ? 0 : one.held - one.people.reduce((sum, person) => sum + (person.confidential ? person.held : 0), 0))

class Folders {
  departments = $state.raw<Folder[]>([])
  failure = $state('')
  total = $derived(this.departments.reduce((sum, one) => sum + open(one), 0))
  names = $derived(
    new Map<string, string>(
      this.departments.flatMap((one) => [
        [`department:${one.code}`, one.name] as const,
        ...one.people.map((person) => [`person:${person.uid}`, person.name] as const),
      ]),
    ),
  )

  async load(): Promise<void> {
    this.departments = await api.departments()
  }

  /** The person's or department's name for a scope like "person:ID". */
  nameOf = (scope: string): string | undefined => this.names.get(scope)
}

export const folders = new Folders()
