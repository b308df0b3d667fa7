// The address of a page whose form filters it.

/** The address of a page with what its filter form says: a word for each field that is not empty. */
export function filterAddress(path: string, form: HTMLFormElement): string {
  const words = new URLSearchParams([...new FormData(form)].filter(([, value]) => value).map(([name, value]) => [name, String(value)]))
  return words.size ? `${path}?${words}` : path
}
