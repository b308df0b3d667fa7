// Where the keyboard is when what had the focus is gone: in the queue on its list, else on the next item, not at the beginning of the page.

/** The nearest item from here on, in this direction. */
function nearest(from: Node | null, step: 'nextSibling' | 'previousSibling'): HTMLElement | undefined {
  for (let node = from; node; node = node[step]) if (node instanceof HTMLElement) return node
  return undefined
}

/** The item as a whole, which is read aloud; none of its buttons, for which the same key would count again. */
function take(item: HTMLElement | null): void {
  if (item) item.tabIndex = -1
  item?.focus()
}

/** Watch over the page that is shown; returns how to end it. */
export function steady(): () => void {
  let last: Element | null = null
  let item: HTMLElement | null = null

  function remember({ target }: FocusEvent) {
    last = target as Element
    item = last.closest<HTMLElement>('li, tr')
  }

  /** Who clicks beside everything wants no item; of what was removed some browsers tell the same. */
  const forget = ({ target }: FocusEvent) =>
    queueMicrotask(() => {
      if ((target as Element).isConnected && document.activeElement === document.body) last = item = null
    })

  const watcher = new MutationObserver((changes) => {
    if (!last || last.isConnected || document.activeElement !== document.body) return
    last = null
    const list = document.querySelector<HTMLElement>('#content[role=listbox]')
    if (list || !item) return list?.focus({ preventScroll: true })
    const gone = changes.find((one) => [...one.removedNodes].includes(item!))
    if (item.isConnected) take(item)
    else take((gone && (nearest(gone.nextSibling, 'nextSibling') ?? nearest(gone.previousSibling, 'previousSibling'))) ?? document.getElementById('content'))
  })

  document.addEventListener('focusin', remember)
  document.addEventListener('focusout', forget)
  watcher.observe(document.body, { childList: true, subtree: true })
  return () => {
    document.removeEventListener('focusin', remember)
    document.removeEventListener('focusout', forget)
    watcher.disconnect()
  }
}
