// The dry run of each reach, asked for together so that the counts stand beside the choices.
import { api, problemOf } from './api'
import type { Reach } from './reach'
import type { Evidence } from './shapes'

export class Evidences {
  found = $state.raw<Record<string, Evidence>>({})
  failure = $state('')

  constructor(reaches: readonly Reach[]) {
    for (const reach of reaches) void this.#ask(reach)
  }

  async #ask(reach: Reach): Promise<void> {
    try {
      const evidence = await api.preview(reach.select)
      this.found = { ...this.found, [reach.name]: evidence }
    } catch (thrown) {
      this.failure = problemOf(thrown).message
    }
  }
}
