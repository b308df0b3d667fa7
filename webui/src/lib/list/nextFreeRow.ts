// The next row that no colleague has open: the server gives each of us another.
import { api, problemOf } from '../api/client'
import { colleagues } from '../queue/presence.svelte'
import { desk } from '../decisions/decisions.svelte'
import { t } from '../i18n/i18n'
import { queue } from '../queue/queue.svelte'
import { narrowingWords } from '../queue/narrowing'
import { folderWords } from '../queue/row'
import { session } from '../state/session.svelte'

const passed = new Set<string>() // rows that we were given and left for others

export async function nextFree(): Promise<void> {
  if (!session.may('release')) return
  const { view, row, moved } = queue
  if (row && !row.parent) passed.add(row.key)
  const skip = [...new Set([...passed, ...queue.rows.filter((one) => queue.markOf(one)).map((one) => one.key)])].slice(0, 1_000)
  const { department, person } = folderWords(view)
  await colleagues.quietly(async () => {
    const { item } = await api.nextFree({ group: view.group, department, person, q: view.q, skip, ...narrowingWords(view.narrowing) })
    if (!item) {
      passed.clear()
      return desk.say(t('No other row is free: you have seen all rows here, or colleagues have them open.'))
    }
    if (queue.moved !== moved) return // the cursor went elsewhere meanwhile
    if (!queue.rows.some((one) => one.key === item.key)) await queue.reload()
    queue.cursor = item.key
  }).catch((thrown) => desk.say(problemOf(thrown).message))
}
