// A list that is read page by page: what changes elsewhere takes nobody's place in it.
import { expect, test } from 'vitest'
import { Pages } from '../../../src/lib/state/pagedList.svelte'

/** Numbers in pages of two. */
const counted = (first: () => number) =>
  new Pages<number>((cursor) => {
    const from = cursor ? Number(cursor) : first()
    return Promise.resolve({ items: [from, from + 1], next_cursor: from < 8 ? String(from + 2) : null })
  })

test('what was opened of it stays open when it is read again', async () => {
  let first = 1
  const pages = counted(() => first)
  await pages.load()
  await pages.more()
  expect(pages.items).toEqual([1, 2, 3, 4])
  first = 0
  await pages.again()
  expect([pages.items, pages.next]).toEqual([[0, 1, 2, 3], '4'])
  await pages.load()
  expect(pages.items).toEqual([0, 1])
})

test('the page that somebody asks for is not lost to a reading of what changed', async () => {
  const pages = counted(() => 1)
  await pages.load()
  await Promise.all([pages.more(), pages.again()])
  expect(pages.items).toEqual([1, 2, 3, 4])
})
