// Light, dark, or as the system says.
import { keep, kept } from './kept'

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const stored = kept('theme', 'system')
export const theme = $state({ now: (THEMES as readonly string[]).includes(stored) ? (stored as Theme) : 'system' })

export function wearTheme(): void {
  if (theme.now === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme.now
}

export function chooseTheme(next: Theme): void {
  theme.now = next
  keep('theme', next)
  wearTheme()
}

/** From what is seen now to the other one. */
export function turnTheme(): void {
  const dark = theme.now === 'dark' || (theme.now === 'system' && matchMedia('(prefers-color-scheme: dark)').matches)
  chooseTheme(dark ? 'light' : 'dark')
}
