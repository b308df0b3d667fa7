// Small choices kept in this browser. A browser that keeps nothing is no error.

export function kept(name: string, otherwise: string): string {
  try {
    return localStorage.getItem(`mailroom.${name}`) ?? otherwise
  } catch {
    return otherwise
  }
}

export function keep(name: string, value: string): void {
  try {
    localStorage.setItem(`mailroom.${name}`, value)
  } catch {
    return
  }
}
