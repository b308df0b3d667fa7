// The popup of the toolbar button: reports the message that is shown, and opens the page of held messages.

import { ask, fillWords, readLink, reasonOf, say } from './mailroom.js'

const FIELD = 'x-mailroom-message'
const place = (id) => document.getElementById(id)

/** Says a sentence. */
function tell(sentence) {
  place('said').textContent = sentence
}

/** The message that is shown in the tab in front: its header and Mailroom's number of it; null where none is. */
async function findMessage() {
  const [tab] = await messenger.tabs.query({ active: true, currentWindow: true })
  const { messages } = await messenger.messageDisplay.getDisplayedMessages(tab.id)
  if (messages.length !== 1) return null
  const { headers } = await messenger.messages.getFull(messages[0].id)
  return { header: messages[0], number: (headers[FIELD] ?? [''])[0].trim() }
}

/** Why the message cannot be reported; null where it can. Its fields prove nothing alone, so Mailroom's Message-ID is compared. */
async function findObstacle(link, { header, number }) {
  if (!/^[0-9A-Z]{13}$/.test(number)) return say('notOurs')
  const answer = await ask(link, 'GET', `/me/deliveries?message=${number}`)
  if (answer.status === 404) return say('notOurs')
  if (answer.status !== 200) return reasonOf(answer)
  if (answer.body.message_id_field !== header.headerMessageId) return say('notTheSame')
  return answer.body.reported_at ? say('alreadyReported') : null
}

/** Reports the message, once. */
async function report(link, { number }) {
  place('report').disabled = true
  const answer = await ask(link, 'POST', '/me/reports', { message: number })
  place('report').hidden = answer.status === 201
  place('report').disabled = false
  tell(answer.status === 201 ? say('reported') : reasonOf(answer))
}

/** Shows what can be done. */
async function show() {
  fillWords()
  place('link').addEventListener('click', () => messenger.runtime.openOptionsPage())
  const link = await readLink()
  if (!link) {
    place('link').hidden = false
    return tell(say('notLinked'))
  }
  place('held').hidden = false
  place('held').addEventListener('click', () => messenger.windows.openDefaultBrowser(`${link.origin}/ask`))
  const message = await findMessage()
  if (!message) return tell(say('noMessage'))
  place('subject').textContent = message.header.subject
  const obstacle = await findObstacle(link, message)
  place('link').hidden = (await readLink()) !== null
  if (obstacle) return tell(obstacle)
  place('report').hidden = false
  place('report').addEventListener('click', () => report(link, message))
  return tell('')
}

await show()
