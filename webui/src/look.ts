// Loads what every page needs first: font, style sheet, language.
import '@fontsource-variable/atkinson-hyperlegible-next/wght.css'
import '@fontsource-variable/atkinson-hyperlegible-mono/wght.css'
import './app.css'
import { language } from './lib/i18n/i18n'

document.documentElement.lang = language
