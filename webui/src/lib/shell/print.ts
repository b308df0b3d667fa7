// On paper: the style sheet, and the message's text. A frame without rights ends where the page ends, since nobody learns how tall its message is.
import './print.css'
import { BASE } from '../api/prefetch'
import { query } from '../api/client'
import { queue } from '../queue/queue.svelte'
import { reasonFor } from '../state/openReason.svelte'

const words = Object.assign(document.createElement('p'), { className: 'words' })

/** The text of this message; "" where it cannot be had now. The browser takes the page as it is when its dialog opens, and waits for no promise. */
function textOf(message: string): string {
  const request = new XMLHttpRequest()
  request.open('GET', `${BASE}/messages/${message}/text${query({ reason: reasonFor(message) })}`, false)
  try {
    request.send()
    return request.status === 200 ? JSON.parse(request.responseText).text : ''
  } catch {
    return ''
  }
}

addEventListener('beforeprint', () => {
  const frame = document.querySelector('.framed:not([hidden])')
  words.textContent = frame && queue.row ? textOf(queue.row.lead.message_id) : ''
  if (words.textContent) frame?.append(words)
})
addEventListener('afterprint', () => words.remove())
