// The list of mail: its rows, the cursor, the selection and the marks of what was decided since it was loaded.
import { untrack } from 'svelte'
import { FIRST } from '../api/prefetch'
import { api, problemOf } from '../api/client'
import { colleagues } from './presence.svelte'
import { markOfDelivery, takenBack, type Mark } from './rowOutcome'
import { holds, namesOf, rowOfDelivery, rowOfView, selectOf, type Row } from './row'
import { grown, indexAt, led, lengthOf, NOTHING, partsBetween, positionOf, rowsAbove, runAt, without, type From, type Run } from './listWindow'
import { chosen, filtersIn, sortOf } from './narrowing'
import { settled } from './sections'
import { countNew, readTab, readGroup, type Further, type Group, type Rows, type Tab } from './tabs'
import { serverTime } from '../browser/serverTime'

/** `assigned`: our login when only what was assigned to us is shown; `message`: "messages/ID" or "deliveries/ID" when only that is;
    `narrowing`: order and filter. */
export interface View { tab: Tab; group: Group; department: string; person: string; q: string; assigned: string; message: string; narrowing: string }

const LARGE = 200 // of a page that follows
const AROUND = 100 // around a place that somebody jumps to
const END = 50 // at the end of a long list: more than a screen shows, and few enough to be there at once
const NOWHERE: View = { tab: 'held', group: 'sender', department: '', person: '', q: '', assigned: '', message: '', narrowing: '' }

/** A row as it is now, where it stands. */
const patched = (row: Row, now: Row | undefined): Row => (now ? { ...now, stands: row.stands } : row)

class Queue {
  view = $state.raw<View>(NOWHERE)
  run = $state.raw<Run>(NOTHING)
  marks = $state.raw<ReadonlyMap<string, Mark>>(new Map())
  picked = $state.raw<ReadonlyMap<string, Row>>(new Map()) // with the rows as they were: some may not be here any more
  everything = $state(false) // is all that the view shows selected, on screen or not?
  messages = $state(0)
  groups = $state(0)
  hidden = $state(0) // rows that the filter leaves out
  snoozed = $state(0) // rows that we have snoozed: left out, unless they are what is shown
  moreMessages = $state('') // a plus where a search found more than was counted
  further = $state.raw<Further | undefined>(undefined) // where a search ran out of time: it goes on when somebody asks for it
  fresh = $state(0)
  loading = $state(false)
  loaded = $state(false)
  begun = $state(false) // was anything ever shown, or why there is nothing?
  failure = $state('')
  rows = $derived(this.run.rows)
  #cursor = $state('')
  #held = $state.raw<Row | undefined>(undefined) // the row of the cursor, wherever the list was scrolled to
  at = $derived(this.rows.findIndex((row) => row.key === this.#cursor))
  row = $derived(this.rows[this.at] ?? (this.rows.length ? this.#held : undefined))
  inHand = $derived(this.everything ? [rowOfView(this.view, this.messages, this.rows)] : this.picked.size ? this.#rowsPicked() : this.row ? [this.row] : [])
  /** Rows of the whole list, here or not. */
  total = $derived.by(() => {
    const here = this.run.before + lengthOf(this.run)
    if (!this.run.next || this.view.tab !== 'held') return here
    return Math.max(here, this.#rowsIn(this))
  })
  shifted = $state(0) // by how many rows all that is here has moved in the whole list since it began
  moved = $state.raw({}) // another object whenever the cursor was put somewhere
  #position = 0 // of the cursor in the whole list
  #toward = -1 // the position that is being fetched for the cursor
  #crossed = {} // how the cursor was put by the last key that waited at a seam
  #generation = 0
  #failed: (stillWanted: () => boolean) => Promise<void> = async () => undefined // what could not be read
  passes = $state(false) // may what could not be read be there when it is asked for again?
  #reading = Promise.resolve()
  #overdue: [number, number] | null = null // something changed while a page was read, which may not have it yet: where to look then
  #since = 0
  #shownThen = 0 // rows that the filter showed when the list was loaded
  #waking = 0

  get cursor(): string {
    return this.#cursor
  }

  set cursor(key: string) {
    this.#cursor = key
    this.moved = {}
    const index = this.rows.findIndex((row) => row.key === key)
    this.#held = this.rows[index]
    if (index >= 0) this.#position = positionOf(this.run, index)
  }

  /** Where the cursor stands in the whole list, from 0. */
  get position(): number {
    return this.at < 0 ? this.#position : positionOf(this.run, this.at)
  }

  markOf = (row: Row): Mark | undefined => {
    const marks = namesOf(row).map((name) => this.marks.get(name))
    return marks.includes(undefined) ? undefined : (marks.find((mark) => mark!.verb === 'leave') ?? marks.at(-1))
  }
  isDecided = (name: string): boolean => (this.marks.get(name)?.verb ?? 'leave') !== 'leave'
  remaining = (row: Row): number => (this.isDecided(row.key) ? 0 : row.count - row.ids.filter(this.isDecided).length)

  /** How many messages a verb over these rows is for: each once, and none that is decided. */
  countOf = (rows: readonly Row[]): number => selectOf(rows.filter((row) => this.remaining(row) > 0), this.isDecided, this.view).count

  /** Show another folder, tab or grouping from its top; coming back to the same one keeps the place. */
  async open(view: View): Promise<void> {
    if (this.loaded && (Object.keys(view) as (keyof View)[]).every((name) => view[name] === this.view[name])) return this.look()
    this.view = view
    this.pickNone()
    this.run = NOTHING
    this.marks = new Map()
    this.cursor = ''
    this.loaded = false
    this.failure = ''
    await this.reload()
  }

  /** One reading at a time; what was asked before another one began is dropped. */
  #read(work: (stillWanted: () => boolean) => Promise<void>): Promise<void> {
    return (this.#reading = this.#readNow(work))
  }

  async #readNow(work: (stillWanted: () => boolean) => Promise<void>): Promise<void> {
    const generation = ++this.#generation
    const stillWanted = () => generation === this.#generation
    this.loading = true
    try {
      await work(stillWanted)
      if (stillWanted()) this.failure = ''
    } catch (thrown) {
      const { message, passes } = problemOf(thrown)
      if (stillWanted()) [this.failure, this.#failed, this.passes] = [message, work, passes]
    }
    if (!stillWanted()) return
    this.loading = false
    if (this.#overdue && !this.failure) void this.look(...this.#overdue)
  }

  /** What could not be read, once more: the place in the list is kept. */
  again = (): Promise<void> => this.#read(this.#failed)

  /** From the top again; the cursor stays on its mail when that is still there. */
  async reload(): Promise<void> {
    this.pickNone()
    await this.#read(async (stillWanted) => {
      const since = serverTime()
      const known = this.marks
      const page = await readTab(this.view, FIRST, {})
      if (!stillWanted()) return
      const before = this.at
      this.#since = since
      this.run = runAt(page, {}, 0)
      this.further = page.further
      this.#count(page)
      this.#shownThen = this.#rowsIn(this)
      this.marks = new Map([...this.marks].filter(([name, mark]) => !mark.sure || known.get(name) !== mark)) // what was decided since is not in the answer
      this.fresh = 0
      this.cursor = this.at < 0 ? (page.rows[Math.min(Math.max(before, 0), page.rows.length - 1)]?.key ?? '') : this.cursor
      this.loaded = true
    })
    this.begun = true
  }

  #count({ messages, groups, more = '', hidden = 0, snoozed = 0, backAt }: { messages: number; groups: number; more?: string; hidden?: number; snoozed?: number; backAt?: string | null }): void {
    this.messages = messages
    this.hidden = hidden
    this.snoozed = snoozed
    clearTimeout(this.#waking)
    if (backAt) this.#waking = window.setTimeout(() => void this.#wake(), Math.max(0, Date.parse(backAt) - serverTime()) + 1_000)
    this.groups = groups
    this.moreMessages = more
  }

  /** What we have snoozed is back: counted as new where rows are shown, since nothing moves by itself. */
  async #wake(): Promise<void> {
    const [before, shown] = [this.snoozed, this.rows.length > 0]
    if (chosen(this.view.narrowing, 'snoozed').length) return this.reload()
    await this.look()
    if (shown && this.snoozed < before) this.fresh ||= before - this.snoozed
  }

  /** These rows are snoozed: out of the way, and the cursor goes to the next one that waits. */
  putAside(rows: readonly Row[]): void {
    const keys = new Set(rows.map((row) => row.key))
    this.pickNone()
    if (this.row && (keys.has(this.row.key) || keys.has(this.row.parent))) {
      const next = this.rows.findIndex((row, index) => index > this.at && !keys.has(row.key) && !keys.has(row.parent))
      const target = next >= 0 ? next : this.rows.findLastIndex((row, index) => index < this.at && !keys.has(row.key) && !keys.has(row.parent))
      this.cursor = this.rows[target]?.key ?? ''
    }
    this.run = without(this.run, keys)
    void this.look()
  }

  /** A search counts from its page on, with `above` messages above it, and no further than it looks: all of them once nothing follows. */
  #countFrom(page: Rows, above: number): void {
    const messages = above + page.messages
    if (!page.more) this.#count(page)
    else if (!page.next && !page.further) this.#count({ ...page, messages, more: '' })
    else if (messages > this.messages) this.#count({ ...page, messages })
  }

  /** The next page below. */
  async more(): Promise<void> {
    const from = this.run.next
    if (this.loading || !from) return
    await this.#read(async (stillWanted) => {
      const page = await readTab(this.view, LARGE, from)
      if (!stillWanted()) return
      this.#grow(page, from)
      if (!page.next && this.run.before && this.view.tab === 'held') this.#shift(this.#rowsIn(page) - this.run.before - lengthOf(this.run))
    })
  }

  #grow(page: Rows, from: From): void {
    if (page.more) this.#countFrom(page, this.run.before + lengthOf(this.run))
    this.run = grown(this.run, page, from)
    this.further = page.further
  }

  /** What a search that ran out of time finds further back. */
  lookFurther = async (): Promise<void> => {
    const from = this.further?.from
    if (this.loading || !from) return
    await this.#read(async (stillWanted) => {
      const page = await readTab(this.view, LARGE, from)
      if (!stillWanted()) return
      this.#grow(page, from)
      if (this.at < 0) this.cursor = page.rows[0]?.key ?? ''
    })
  }

  /** The page above, when the list was entered in its midst. */
  async earlier(): Promise<void> {
    const { before, prev } = this.run
    if (this.loading || !prev) return
    await this.#read(async (stillWanted) => {
      const page = await readTab(this.view, LARGE, prev)
      if (!stillWanted()) return
      const above = before - page.rows.length
      this.run = led(this.run, page, prev, above)
      if (!page.prev || above <= 0) this.#shift((page.prev ? LARGE : 0) - above)
    })
  }

  /** The page around this position of the whole list, in place of what is here; `landed` at once when it is here, before anything is painted. */
  async jump(position: number, landed: () => void = () => undefined): Promise<void> {
    if (indexAt(this.run, position) < this.rows.length && position >= this.run.before) return landed()
    await this.#read(async (stillWanted) => {
      if (position >= this.total - END && this.view.tab === 'held') return this.#enter({ end: true }, END, stillWanted, landed)
      return this.#enter(position < AROUND ? {} : { position: position - AROUND / 2 }, position < AROUND ? LARGE : AROUND, stillWanted, landed)
    })
  }

  /** One page, in place of what is here: one question, however long the list is. */
  async #enter(from: From, limit: number, stillWanted: () => boolean, landed: () => void): Promise<void> {
    const page = await readTab(this.view, limit, from)
    if (!stillWanted()) return
    this.#count(page)
    this.further = page.further
    const there = page.prev?.before && !from.end ? { at: page.prev.before } : from // positions change, its first row stays its first
    this.run = runAt(page, there, page.position ?? 0)
    landed()
  }

  /** Where a list was entered is known about only; at its ends it is known. The rows stay where they are on screen. */
  #shift(by: number): void {
    if (!by) return
    this.run = { ...this.run, before: this.run.before + by }
    this.shifted += by
  }

  /** Something changed on the server: patch rows where they are, count what is new, never move anything. */
  async look(first = this.at, last = this.at): Promise<void> {
    this.#overdue = this.loading ? [first, last] : null
    if (this.loading) return
    if (this.failure && this.passes) return this.again()
    if (!this.loaded) return
    if (!this.rows.length) return this.reload()
    const generation = this.#generation
    const since = this.marks
    const parts = partsBetween(this.run, Math.max(0, first), Math.max(0, last)).slice(0, 3)
    const pages = await Promise.all(parts.map((part) => readTab(this.view, Math.min(Math.max(part.rows, FIRST), LARGE), part.from))).catch(() => [])
    if (!pages[0] || generation !== this.#generation) return
    const read = pages.flatMap((page) => page.rows)
    const seen = new Map(read.map((row) => [row.key, row]))
    this.#countFrom(pages[0], rowsAbove(this.run, parts[0]!))
    const fresh = await this.#countNew(read)
    if (generation !== this.#generation) return
    this.fresh = fresh
    this.run = { ...this.run, rows: this.rows.map((row) => patched(row, seen.get(row.key))) }
    this.#putBack(read, since)
    const looked = new Set(parts.flatMap((part) => this.#rowsOf(part)))
    if (this.view.tab === 'held') await this.#askAbout(this.rows.filter((row) => !row.parent && looked.has(row.key) && !seen.has(row.key) && !this.markOf(row)).slice(0, 20))
  }

  #rowsOf(wanted: { rows: number }): string[] {
    let start = 0
    const whole = this.rows.filter((row) => !row.parent)
    for (const part of this.run.parts) {
      if (part === wanted) return whole.slice(start, start + part.rows).map((row) => row.key)
      start += part.rows
    }
    return []
  }

  /** Rows of the whole list, by these numbers. */
  #rowsIn({ messages, groups }: { messages: number; groups: number }): number {
    return this.view.group === 'none' ? messages : groups
  }

  /** Of a list that is only partly here, new mail may belong anywhere: it is counted by its time, or where a filter hides some by the total. */
  async #countNew(read: readonly Row[]): Promise<number> {
    const whole = !this.run.before && !this.run.next && this.run.parts.length === 1
    const filters = filtersIn(this.view.narrowing) // outside the queue there are none
    if (!whole && !filters && this.view.tab === 'held') return countNew(this.view, this.#since, (mail) => this.rows.some((row) => holds(row, mail))).catch(() => this.fresh)
    const known = new Set(this.rows.map((row) => row.key))
    const unknown = read.filter((row) => !known.has(row.key)).length
    return whole || !filters ? unknown : Math.max(unknown, this.#rowsIn(this) - this.#shownThen)
  }

  #putBack(rows: readonly Row[], since: ReadonlyMap<string, Mark>): void {
    if (this.view.tab !== 'held') return
    const held = new Set(rows.flatMap(namesOf))
    const kept = [...this.marks].filter(([name, mark]) => !(held.has(name) && mark.sure && mark.verb !== 'leave' && since.get(name) === mark))
    if (kept.length < this.marks.size) this.marks = new Map(kept)
  }

  async #askAbout(rows: readonly Row[]): Promise<void> {
    const answers = await Promise.all(rows.map((row) => api.delivery(row.lead.id).catch(() => null)))
    rows.forEach((row, index) => {
      const mail = answers[index]
      if (mail && mail.state !== 'held') this.markAs(namesOf(row), markOfDelivery(mail))
      else if (mail && this.view.assigned && mail.assigned?.to !== this.view.assigned) this.markAs(namesOf(row), takenBack(mail))
    })
  }

  markAs(names: readonly string[], mark: Mark): void {
    this.marks = new Map([...this.marks, ...names.map((name) => [name, mark] as const)])
  }

  unmark(names: readonly string[]): void {
    const gone = new Set(names)
    this.marks = new Map([...this.marks].filter(([name]) => !gone.has(name)))
  }

  /** To a row that is here. */
  go(index: number): void {
    const row = this.rows[Math.max(0, Math.min(index, this.rows.length - 1))]
    if (row) this.cursor = row.key
    this.#settle()
    if (index >= this.rows.length - 20) void this.more()
    if (index < 20) void this.earlier()
  }

  /** Rows whose section has changed go to their places, now that somebody moves on; what is in hand stays, and where it is on screen. */
  #settle(): void {
    if (this.view.tab !== 'held' || sortOf(this.view.narrowing) !== 'priority') return
    const before = this.at
    const rows = settled(this.rows, serverTime(), (row) => row.key !== this.#cursor && !this.markOf(row) && !this.isOpen(row))
    if (rows === this.rows) return
    this.#put(rows)
    this.shifted += this.at - before
  }

  /** To any row of the whole list; what is not here is fetched first. */
  async goTo(position: number): Promise<void> {
    const wanted = Math.max(0, Math.min(position, this.total - 1))
    const last = wanted > 0 && wanted === this.total - 1 // the first of one is no end: its group may be open
    const before = this.moved
    this.#toward = wanted
    await this.jump(wanted, () => {
      if (this.moved !== before) return // the cursor went elsewhere meanwhile
      this.go(last && !this.run.next ? this.rows.length - 1 : indexAt(this.run, wanted))
    })
    if (this.#toward === wanted) this.#toward = -1
  }

  async step(by: number): Promise<void> {
    if (this.at < 0) await this.goTo((this.#toward < 0 ? this.#position : this.#toward) + by)
    else if (this.rows[this.at + by]) this.go(this.at + by)
    else await this.#beyond(by, () => this.step(by))
  }

  /** Over the end of what is here, once the page that follows it is: of several keys pressed at a seam none is lost. */
  async #beyond(by: number, go: () => unknown): Promise<void> {
    const before = this.moved
    if (!this.loading && !(by < 0 ? this.run.prev : this.run.next)) return
    await (this.loading ? this.#reading : by < 0 ? this.earlier() : this.more())
    if (this.failure || this.at < 0 || (this.moved !== before && this.moved !== this.#crossed)) return // the cursor went elsewhere meanwhile
    const gone = go()
    this.#crossed = this.moved
    await gone
  }

  /** To the next mail that waits and is in nobody else's hands: below first, else above; stay when there is none. */
  advance(isAllBelowHere = !this.run.next): void {
    const waits = (row: Row) => !this.markOf(row) && !this.picked.has(row.key) && !colleagues.isOthers(row)
    const below = this.rows.findIndex((row, index) => index > this.at && waits(row))
    if (below < 0 && !isAllBelowHere) return void this.#beyond(1, () => this.advance(true))
    const target = below >= 0 ? below : this.rows.findLastIndex((row, index) => index < this.at && waits(row))
    if (target >= 0) this.go(target)
  }

  pick(keys: readonly string[], on?: boolean): void {
    const picked = new Map(this.picked)
    const wanted = new Set(keys)
    for (const row of [...this.rows, ...(this.at < 0 && this.row ? [this.row] : [])].filter(({ key }) => wanted.has(key))) {
      if (on ?? !picked.has(row.key)) picked.set(row.key, row)
      else picked.delete(row.key)
    }
    this.everything = false
    this.picked = picked
  }

  pickAll(): void {
    this.everything = false
    this.picked = new Map(this.rows.filter((row) => !row.parent && !this.markOf(row)).map((row) => [row.key, row]))
  }

  pickNone(): void {
    this.everything = false
    if (this.picked.size) this.picked = new Map()
  }

  /** What is selected: as it is now where it is here, as it was where the list has gone on since. */
  #rowsPicked(): Row[] {
    const here = this.rows.filter((row) => this.picked.has(row.key))
    const keys = new Set(here.map((row) => row.key))
    return [...here, ...[...this.picked.values()].filter((row) => !keys.has(row.key))]
  }

  isOpen = (row: Row): boolean => this.rows.some((one) => one.parent === row.key)

  #put(rows: readonly Row[]): void {
    this.run = { ...this.run, rows }
  }

  /** Show the single messages of a group below it. */
  async unfold(row: Row): Promise<void> {
    if (row.parent || row.count < 2 || this.isOpen(row)) return
    const messages = await readGroup(row, this.view).catch(() => [])
    const index = this.rows.findIndex((one) => one.key === row.key)
    if (index < 0 || this.isOpen(row)) return
    this.#put([...this.rows.slice(0, index + 1), ...messages.map((mail) => rowOfDelivery(mail, row.key, row.asked, row.reported)), ...this.rows.slice(index + 1)])
  }

  fold(row: Row): void {
    const key = row.parent || row.key
    this.cursor = key
    const inside = this.rows.filter((one) => one.parent === key && this.picked.has(one.key))
    if (inside.length) this.pick(inside.map((one) => one.key), false) // nobody sees them any more
    this.#put(this.rows.filter((one) => one.parent !== key))
  }

  /** Close the groups among these rows: what is decided as a whole is one row again. */
  tidy(rows: readonly Row[]): void {
    const whole = new Set(rows.map((row) => row.key))
    if (!this.rows.some((row) => whole.has(row.parent))) return
    if (this.row && whole.has(this.row.parent)) this.cursor = this.row.parent
    this.#put(this.rows.filter((row) => !whole.has(row.parent)))
  }

  /** Which mail lies around the cursor, nearest first: to be fetched before it is asked for. */
  around(): Row[] {
    const { at, rows } = this
    return untrack(() => [rows[at], rows[at + 1], rows[at - 1], rows[at + 2]].filter((row): row is Row => row !== undefined))
  }
}

export const queue = new Queue()
