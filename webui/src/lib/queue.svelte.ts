// The list of mail: its rows, the cursor, the selection and the marks of what was decided since it was loaded.
import { untrack } from 'svelte'
import { api, problemOf, serverTime } from './api'
import { markOfDelivery, type Mark } from './mark'
import { rowOfDelivery, type Row } from './row'
import { countNew, readTab, readGroup, type Group, type Tab } from './tabs'

export interface View { tab: Tab; group: Group; department: string; person: string; q: string }

const PAGE = 100
const NOWHERE: View = { tab: 'held', group: 'sender', department: '', person: '', q: '' }

class Queue {
  view = $state.raw<View>(NOWHERE)
  rows = $state.raw<readonly Row[]>([])
  marks = $state.raw<ReadonlyMap<string, Mark>>(new Map())
  picked = $state.raw<ReadonlySet<string>>(new Set())
  cursor = $state('')
  mails = $state(0)
  groups = $state(0)
  fresh = $state(0)
  loading = $state(false)
  loaded = $state(false)
  failure = $state('')
  next = $state.raw<string | null>(null)
  at = $derived(this.rows.findIndex((row) => row.key === this.cursor))
  row = $derived(this.rows[this.at])
  inHand = $derived(this.picked.size ? this.rows.filter((row) => this.picked.has(row.key)) : this.row ? [this.row] : [])
  #generation = 0
  #since = 0

  markOf = (row: Row): Mark | undefined => {
    let last: Mark | undefined
    for (const id of row.ids) if (!(last = this.marks.get(id))) return undefined
    return last
  }
  isDecided = (id: string): boolean => (this.marks.get(id)?.verb ?? 'leave') !== 'leave'
  remaining = (row: Row): number => row.count - row.ids.filter(this.isDecided).length

  /** Show another folder, tab or grouping from its top; coming back to the same one keeps the place. */
  async open(view: View): Promise<void> {
    if (this.loaded && (Object.keys(view) as (keyof View)[]).every((name) => view[name] === this.view[name])) return this.look()
    this.view = view
    this.rows = []
    this.marks = new Map()
    this.cursor = ''
    this.loaded = false
    await this.reload()
  }

  /** From the top again; the cursor stays on its mail when that is still there. */
  async reload(): Promise<void> {
    const generation = ++this.#generation
    this.loading = true
    try {
      this.#since = serverTime()
      const page = await readTab(this.view, PAGE, null)
      if (generation !== this.#generation) return
      const before = this.at
      this.rows = page.rows
      this.mails = page.mails
      this.groups = page.groups
      this.next = page.next
      this.marks = new Map([...this.marks].filter(([, mark]) => !mark.sure))
      this.picked = new Set()
      this.fresh = 0
      this.failure = ''
      if (this.at < 0) this.cursor = page.rows[Math.min(Math.max(before, 0), page.rows.length - 1)]?.key ?? ''
      this.loaded = true
    } catch (thrown) {
      if (generation === this.#generation) this.failure = problemOf(thrown).message
    }
    if (generation === this.#generation) this.loading = false
  }

  /** The next page below. */
  async more(): Promise<void> {
    if (this.loading || !this.next) return
    const generation = this.#generation
    this.loading = true
    try {
      const page = await readTab(this.view, PAGE, this.next)
      if (generation !== this.#generation) return
      const known = new Set(this.rows.map((row) => row.key))
      this.rows = [...this.rows, ...page.rows.filter((row) => !known.has(row.key))]
      this.next = page.next
    } catch (thrown) {
      if (generation === this.#generation) this.failure = problemOf(thrown).message
    }
    if (generation === this.#generation) this.loading = false
  }

  /** Something changed on the server: patch rows where they are, count what is new, never move anything. */
  async look(): Promise<void> {
    if (this.loading || !this.loaded) return
    if (!this.rows.length) return this.reload()
    const generation = this.#generation
    const since = this.marks
    const page = await readTab(this.view, Math.min(Math.max(this.rows.length, PAGE), 200), null).catch(() => null)
    if (!page || generation !== this.#generation) return
    const seen = new Map(page.rows.map((row) => [row.key, row]))
    const known = new Set(this.rows.map((row) => row.key))
    this.mails = page.mails
    this.groups = page.groups
    this.fresh = page.next && this.view.tab === 'held' ? await this.#countNew() : page.rows.filter((row) => !known.has(row.key)).length
    this.rows = this.rows.map((row) => seen.get(row.key) ?? row)
    this.#putBack(page.rows, since)
    if (this.view.tab === 'held') await this.#askAbout(this.rows.filter((row) => !row.parent && !seen.has(row.key) && !this.markOf(row)).slice(0, 20))
  }

  /** Of a list that is only partly here, new mail may belong anywhere: it is counted by its time. */
  async #countNew(): Promise<number> {
    const known = new Set(this.rows.flatMap((row) => row.ids))
    return countNew(this.view, this.#since, (id) => known.has(id)).catch(() => this.fresh)
  }

  #putBack(rows: readonly Row[], since: ReadonlyMap<string, Mark>): void {
    if (this.view.tab !== 'held') return
    const held = new Set(rows.flatMap((row) => row.ids))
    const kept = [...this.marks].filter(([id, mark]) => !(held.has(id) && mark.sure && mark.verb !== 'leave' && since.get(id) === mark))
    if (kept.length < this.marks.size) this.marks = new Map(kept)
  }

  async #askAbout(rows: readonly Row[]): Promise<void> {
    const answers = await Promise.all(rows.map((row) => api.delivery(row.lead.id).catch(() => null)))
    rows.forEach((row, index) => {
      const mail = answers[index]
      if (mail && mail.state !== 'held') this.markAs(row.ids, markOfDelivery(mail))
    })
  }

  markAs(ids: readonly string[], mark: Mark): void {
    this.marks = new Map([...this.marks, ...ids.map((id) => [id, mark] as const)])
  }

  unmark(ids: readonly string[]): void {
    const gone = new Set(ids)
    this.marks = new Map([...this.marks].filter(([id]) => !gone.has(id)))
  }

  go(index: number): void {
    const row = this.rows[Math.max(0, Math.min(index, this.rows.length - 1))]
    if (row) this.cursor = row.key
    if (index >= this.rows.length - 20) void this.more()
  }

  step(by: number): void {
    this.go(this.at + by)
  }

  /** To the next mail that waits: below first, else above; stay when there is none. */
  advance(): void {
    const waits = (row: Row) => !this.markOf(row) && !this.picked.has(row.key)
    const below = this.rows.findIndex((row, index) => index > this.at && waits(row))
    const target = below >= 0 ? below : this.rows.findLastIndex((row, index) => index < this.at && waits(row))
    if (target >= 0) this.go(target)
  }

  pick(keys: readonly string[], on?: boolean): void {
    const picked = new Set(this.picked)
    for (const key of keys) {
      if (on ?? !picked.has(key)) picked.add(key)
      else picked.delete(key)
    }
    this.picked = picked
  }

  pickAll(): void {
    this.picked = new Set(this.rows.filter((row) => !row.parent && !this.markOf(row)).map((row) => row.key))
  }

  isOpen = (row: Row): boolean => this.rows.some((one) => one.parent === row.key)

  /** Show the single mails of a group below it. */
  async unfold(row: Row): Promise<void> {
    if (row.parent || row.count < 2 || this.isOpen(row)) return
    const mails = await readGroup(row, this.view).catch(() => [])
    const index = this.rows.findIndex((one) => one.key === row.key)
    if (index < 0 || this.isOpen(row)) return
    this.rows = [...this.rows.slice(0, index + 1), ...mails.map((mail) => rowOfDelivery(mail, row.key, row.asked)), ...this.rows.slice(index + 1)]
  }

  fold(row: Row): void {
    const key = row.parent || row.key
    this.cursor = key
    this.rows = this.rows.filter((one) => one.parent !== key)
  }

  /** Close the groups among these rows: what is decided as a whole is one row again. */
  tidy(rows: readonly Row[]): void {
    const whole = new Set(rows.map((row) => row.key))
    if (!this.rows.some((row) => whole.has(row.parent))) return
    if (this.row && whole.has(this.row.parent)) this.cursor = this.row.parent
    this.rows = this.rows.filter((row) => !whole.has(row.parent))
  }

  /** Which mail lies around the cursor, nearest first: to be fetched before it is asked for. */
  around(): Row[] {
    const { at, rows } = this
    return untrack(() => [rows[at], rows[at + 1], rows[at - 1], rows[at + 2]].filter((row): row is Row => row !== undefined))
  }
}

export const queue = new Queue()
