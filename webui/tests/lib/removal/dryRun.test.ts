// What a purge or a block would do: one count that fails takes no other away.
import { expect, test, vi } from 'vitest'
import { api, Problem } from '../../../src/lib/api/client'
import { Evidences } from '../../../src/lib/removal/dryRun.svelte'
import type { PurgeScope } from '../../../src/lib/removal/purgeScope'
import type { Evidence } from '../../../src/lib/schema/types'

const purgeScope = (name: PurgeScope['name']): PurgeScope => ({ name, says: '', about: '', select: { sender: name } })

test('a count that failed is asked for again, and no other', async () => {
  const preview = vi.spyOn(api, 'preview').mockImplementation(({ sender }) => (sender === 'domain' ? Promise.reject(new Problem(0, 'No answer.')) : Promise.resolve({ count: 3 } as Evidence)))
  const purgeScopes = [purgeScope('these'), purgeScope('sender'), purgeScope('domain')]
  const evidences = new Evidences(purgeScopes, 'purge')
  await vi.waitFor(() => expect(purgeScopes.every(evidences.answered)).toBe(true))
  expect([evidences.found.these?.count, evidences.found.sender?.count, evidences.found.domain, evidences.failed]).toEqual([3, 3, undefined, { domain: 'No answer.' }])
  preview.mockClear().mockResolvedValue({ count: 9 } as Evidence)
  evidences.count()
  await vi.waitFor(() => expect(evidences.found.domain?.count).toBe(9))
  expect(preview.mock.calls).toEqual([[{ sender: 'domain' }, 'purge']])
})
