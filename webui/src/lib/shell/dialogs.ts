// The dialogs that a key opens, and the sheets that the console opens by itself.
import { loadOnce } from '../ui/loadOnce'

export const dialogs = loadOnce(() => import('./lazyDialogs'))
