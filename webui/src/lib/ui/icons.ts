// The glyphs of the console, by their names in Lucide; vite.config.ts puts them into the page as one sprite.
export const ICONS = [
  'book-user', 'chart-column', 'check', 'chevron-down', 'chevron-right', 'circle-check', 'circle-question-mark', 'graduation-cap', 'history', 'id-card', 'inbox',
  'layers', 'list-checks', 'mail-question-mark', 'mail-warning', 'octagon-alert', 'scroll-text', 'search', 'send', 'settings', 'shield', 'shield-check', 'sunrise', 'timer',
  'triangle-alert', 'user-check', 'users', 'badge-check', 'trash-2', 'flag', 'key-round',
] as const

export type IconName = (typeof ICONS)[number]
