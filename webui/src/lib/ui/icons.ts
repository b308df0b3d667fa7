// The glyphs of the console, by their names in Lucide; vite.config.ts puts them into the page as one sprite.
import type { Severity } from '../schema/types'

export const ICONS = [
  'book-user', 'chart-column', 'check', 'chevron-down', 'chevron-right', 'circle-check', 'circle-question-mark', 'graduation-cap', 'history', 'id-card', 'inbox',
  'layers', 'list-checks', 'mail-question-mark', 'octagon-alert', 'scroll-text', 'search', 'send', 'settings', 'shield', 'sunrise', 'timer',
  'sliders-horizontal', 'triangle-alert', 'user-check', 'users', 'badge-check', 'key-round',
] as const

export type IconName = (typeof ICONS)[number]

/** The shape of each severity. */
export const SEVERITY_ICONS: Readonly<Record<Severity, IconName>> = { none: 'circle-check', unclear: 'circle-question-mark', suspicious: 'triangle-alert', dangerous: 'octagon-alert' }
