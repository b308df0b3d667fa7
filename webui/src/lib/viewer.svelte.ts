// How mail is looked at: which tab of the preview is in front. Phones begin with the text.

export const VIEWS = [
  { tab: 'looks', says: 'Looks' },
  { tab: 'text', says: 'Text' },
  { tab: 'headers', says: 'Headers' },
  { tab: 'people', says: 'People' },
] as const

export type ViewTab = (typeof VIEWS)[number]['tab']

export const viewer = $state<{ tab: ViewTab }>({ tab: matchMedia('(max-width: 759px)').matches ? 'text' : 'looks' })
