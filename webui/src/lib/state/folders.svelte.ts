// The departments and persons in our scope, with live counts of the rows that their lists have.
import { api } from '../api/client'
import { choices } from './preferences.svelte'
import type { Folder } from '../schema/types'

class Folders {
  departments = $state.raw<Folder[]>([])
  total = $state<number>() // rows of the whole queue that need a decision, once they are counted
  assigned = $state(0) // rows that are assigned to us
  grouping = $derived(choices.now.group ?? 'campaign')
  names = $derived(
    new Map<string, string>(
      this.departments.flatMap((one) => [
        [`department:${one.code}`, one.name] as const,
        ...one.people.map((person) => [`person:${person.uid}`, person.name] as const),
      ]),
    ),
  )

  /** Counts again, as the queue is grouped now; what cannot be counted stays as it was. */
  load = async (): Promise<void> => {
    const { grouping } = this
    const counted = await api.departments(grouping).catch(() => null)
    if (!counted || grouping !== this.grouping) return
    this.departments = counted.items
    this.total = counted.rows - counted.known_rows
    this.assigned = counted.assigned_rows
  }

  /** The person's or department's name for a scope like "person:ID". */
  nameOf = (scope: string): string | undefined => this.names.get(scope)
}

export const folders = new Folders()
