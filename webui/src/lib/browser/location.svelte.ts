// Where in the console we are: the address bar, read and written.

class Place {
  path = $state(location.pathname)
  words = $state.raw(new URLSearchParams(location.search))

  constructor() {
    addEventListener('popstate', () => this.#read())
  }

  #read(): void {
    this.path = location.pathname
    this.words = new URLSearchParams(location.search)
  }

  /** Go to an address of ours, like "/rules" or "/?department=it"; `instead` of where we are, so that Back leads past it. */
  go(address: string, instead = false): void {
    if (address !== location.pathname + location.search) history[instead ? 'replaceState' : 'pushState'](null, '', address)
    this.#read()
  }
}

export const place = new Place()

/** A click on a link of ours stays on this page. */
export function followLinks(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
  const link = (event.target as Element).closest?.('a')
  if (!link || link.origin !== location.origin || link.hasAttribute('download') || link.pathname.startsWith('/api/') || link.hash) return
  event.preventDefault()
  place.go(link.pathname + link.search)
}

/** The address of a message. */
export const messageAddress = (id: string): string => `/messages/${encodeURIComponent(id)}`

/** The address of one copy of a message. */
export const deliveryAddress = (id: string): string => `/deliveries/${encodeURIComponent(id)}`

const MESSAGE = /^\/(messages|deliveries)\/([^/]+)$/

/** Which message or copy an address is about, as "messages/ID" or "deliveries/ID"; "" where it is about none. */
export const messageAt = (path: string): string => MESSAGE.exec(path)?.slice(1).join('/') ?? ''

/** Is this address the queue, or a message in its place? */
export const isQueue = (path: string): boolean => path === '/' || messageAt(path) !== ''

/** The page of a sender: an address, or a whole domain. */
export const senderAddress = (name: string): string => `/senders/${encodeURIComponent(name)}`

/** Where the server says who reads a folder: a department's own one, or a person's. */
export const readersPath = (department: string, person = ''): string =>
  `/folder-readers?folder=${encodeURIComponent(person ? `person:${person}` : `department:${department}`)}`

/** The address of a folder in the queue. */
export function folderAddress(tab: string, department = '', person = '', q = ''): string {
  const words = new URLSearchParams()
  if (tab && tab !== 'held') words.set('tab', tab)
  if (department) words.set('department', department)
  if (person) words.set('person', person)
  if (q) words.set('q', q)
  const text = words.toString()
  return text ? `/?${text}` : '/'
}
