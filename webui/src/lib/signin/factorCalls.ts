// What the API offers about second factors: to sign in, to give one once more, and one's own.
import { call } from '../api/client'
import type { PasskeyAnswer } from '../browser/passkeys'
import type { FactorAsked, FactorGiven, Me, NewApp, OwnFactors, PasskeyOptions, PasskeyShown } from '../schema/types'

export const factors = {
  asked: () => call<FactorAsked>('GET', '/session/second-factor'),
  setUpAtSignIn: () => call<NewApp>('POST', '/session/second-factor/app'),
  finishSignIn: (given: FactorGiven) => call<Me>('POST', '/session/second-factor', given),
  own: () => call<OwnFactors>('GET', '/second-factors'),
  beginApp: () => call<NewApp>('POST', '/second-factors/app'),
  keepApp: (ticket: string, code: string) => call<void>('PUT', '/second-factors/app', { ticket, code }),
  removeApp: () => call<void>('DELETE', '/second-factors/app'),
  makeRecoveryCodes: () => call<{ codes: string[] }>('POST', '/second-factors/recovery-codes'),
  askPasskeyAtSignIn: () => call<PasskeyOptions>('POST', '/session/second-factor/passkey'),
  beginPasskeySignIn: () => call<PasskeyOptions>('POST', '/session/passkey/options'),
  signInWithPasskey: (ticket: string, passkey: PasskeyAnswer) => call<Me>('POST', '/session/passkey', { ticket, passkey }),
  beginPasskey: () => call<PasskeyOptions>('POST', '/second-factors/passkeys/options'),
  keepPasskey: (ticket: string, name: string, passkey: PasskeyAnswer) => call<PasskeyShown>('POST', '/second-factors/passkeys', { ticket, name, passkey }),
  removePasskey: (id: string) => call<void>('DELETE', `/second-factors/passkeys/${id}`),
  askPasskey: () => call<PasskeyOptions>('POST', '/second-factors/proof/options'),
  prove: (given: FactorGiven) => call<void>('POST', '/second-factors/proof', given),
}
