// Keys that are pressed between asking for the palette and its coming: they are text of it, and no commands.
let keys: string[] | undefined

/** From now on keys are kept, until the palette comes or cannot. */
export const beginAhead = (): void => void (keys ??= [])

/** What was pressed since; keys are commands again. */
export function endAhead(): readonly string[] {
  const pressed = keys ?? []
  keys = undefined
  return pressed
}

/** Keeps this key; false where nothing is awaited. */
export function keepAhead(event: KeyboardEvent): boolean {
  if (!keys) return false
  const text = event.key.length === 1 && !event.ctrlKey && !event.metaKey
  if (text || ['Backspace', 'Enter', 'Escape'].includes(event.key)) keys.push(event.key)
  event.preventDefault()
  return true
}

/** What these keys write, and which of Enter and Escape ended it. */
export function textAhead(pressed: readonly string[]): { text: string; end: string } {
  const end = pressed.findIndex((key) => key === 'Enter' || key === 'Escape')
  const written = end < 0 ? pressed : pressed.slice(0, end)
  return { text: written.reduce((text, key) => (key === 'Backspace' ? text.slice(0, -1) : text + key), ''), end: pressed[end] ?? '' }
}
