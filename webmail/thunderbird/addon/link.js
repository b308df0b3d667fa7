// The settings: links this profile with a person's Mailroom by a key that they created there.

import { ask, fillWords, hostsOf, keepLink, originOf, readLink, reasonOf, say } from './mailroom.js'

const place = (id) => document.getElementById(id)

/** Says a sentence. */
function tell(sentence) {
  place('said').textContent = sentence
}

/** Shows whose link there is. */
async function show() {
  const link = await readLink()
  place('form').hidden = link !== null
  place('unlink').hidden = link === null
  if (link) tell(say('linkedAs', link.name, link.origin))
}

/** Links: asks Thunderbird for this host only, then Mailroom whose key it is. */
async function link(event) {
  event.preventDefault()
  const origin = originOf(place('address').value)
  if (!origin) return tell(say('badAddress'))
  if (!(await messenger.permissions.request(hostsOf(origin)))) return tell(say('notAllowed'))
  const made = { origin, key: place('key').value.trim() }
  const answer = await ask(made, 'GET', '/me/name')
  if (answer.status !== 200) {
    await messenger.permissions.remove(hostsOf(origin))
    return tell(answer.status === 401 ? say('badKey') : reasonOf(answer))
  }
  await keepLink({ ...made, name: answer.body.name })
  place('form').reset()
  return show()
}

/** Forgets the key and gives the permission back. */
async function unlink() {
  const { origin } = await readLink()
  await keepLink(null)
  await messenger.permissions.remove(hostsOf(origin))
  await show()
  tell(say('unlinked'))
}

fillWords()
place('form').addEventListener('submit', link)
place('unlink').addEventListener('click', unlink)
await show()
