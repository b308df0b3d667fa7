// How mail is looked at: which tab of the preview is in front. Phones begin with the text.
import { t } from '../i18n/i18n'

export const VIEWS = [
  { tab: 'looks', says: t('Preview') },
  { tab: 'text', says: t('Text') },
  { tab: 'headers', says: t('Headers') },
  { tab: 'people', says: t('People') },
  { tab: 'history', says: t('History') },
] as const

export type ViewTab = (typeof VIEWS)[number]['tab']

export const viewer = $state<{ tab: ViewTab }>({ tab: matchMedia('(max-width: 759px)').matches ? 'text' : 'looks' })
