// What the API offers about locking this browser, and the PIN that opens it again.
import { call } from '../api/client'
import type { Me, OwnPin } from '../schema/types'

export const pins = {
  lock: () => call<void>('POST', '/session/lock'),
  unlock: (login: string, pin: string) => call<Me>('POST', '/session/unlock', { login, pin }),
  own: () => call<OwnPin>('GET', '/session/pin'),
  set: (pin: string) => call<void>('PUT', '/session/pin', { pin }),
  remove: () => call<void>('DELETE', '/session/pin'),
}
