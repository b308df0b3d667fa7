// Splits text of several lines; apart from what the first page loads.
import { plain } from './format'

/** Plain text in which line breaks stay. */
export const linesOf = (text: string): string => text.split(/\r?\n/).map(plain).join('\n')
