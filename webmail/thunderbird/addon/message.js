// The popup of the toolbar button: reports the message that is shown, and requests held ones.

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

/** Lists this person's held messages. */
async function listHeld(link) {
  const answer = await ask(link, 'GET', '/me/messages')
  if (answer.status !== 200) return tell(reasonOf(answer))
  const held = answer.body.items.filter((one) => one.held)
  place('held').hidden = true
  place('page').hidden = false
  place('how').textContent = say(held.length ? 'heldHow' : 'noneHeld')
  return place('messages').replaceChildren(...held.map((one) => lineOf(link, one)))
}

/** An element with this text. */
function make(tag, text, more) {
  return Object.assign(document.createElement(tag), { textContent: text }, more)
}

/** A held message: what it is called, who sent it, and the button that requests it. */
function lineOf(link, one) {
  const line = make('li', '')
  const said = make('p', one.asked_at ? say('requested') : '', { role: 'status' })
  const sender = `${one.author || say('noSender')} · ${new Date(one.received_at).toLocaleString(messenger.i18n.getUILanguage())}`
  line.append(make('b', one.subject || say('noSubject')), make('p', sender), said)
  if (one.counted) said.before(make('p', say('looksDangerous')))
  if (!one.asked_at) {
    const comment = make('input', '', { maxLength: 300, placeholder: say('whatAbout'), ariaLabel: say('whatAbout') })
    const button = make('button', say('request'))
    button.addEventListener('click', () => requestRelease(link, { delivery: one.id, comment: comment.value }, said, [comment, button]))
    line.append(comment, button)
  }
  return line
}

/** Asks staff to release a held message, once. `controls` go when that is done. */
async function requestRelease(link, order, said, controls) {
  for (const control of controls) control.disabled = true
  const answer = await ask(link, 'POST', '/me/requests', order)
  for (const control of controls) control.disabled = false
  if (answer.status === 201) for (const control of controls) control.remove()
  said.textContent = answer.status === 201 ? say('requested') : reasonOf(answer)
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
  place('held').addEventListener('click', () => listHeld(link))
  place('page').addEventListener('click', () => messenger.windows.openDefaultBrowser(`${link.origin}/ask`))
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
