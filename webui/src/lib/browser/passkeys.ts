// Passkeys in this browser (WebAuthn Level 3): made and used with the server's options, answered as JSON.

/** Can this browser use them here? */
export const knowsPasskeys = (): boolean => 'PublicKeyCredential' in window && 'parseRequestOptionsFromJSON' in PublicKeyCredential

/** What a browser made or signed, as the server reads it. */
export type PasskeyAnswer = Record<string, unknown>

const asJson = (found: Credential | null): PasskeyAnswer => (found as PublicKeyCredential).toJSON() as PasskeyAnswer

/** Use a passkey. Throws when the person cancels. */
export async function usePasskey(options: unknown): Promise<PasskeyAnswer> {
  return asJson(await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options as PublicKeyCredentialRequestOptionsJSON) }))
}

/** Make a passkey. Throws when the person cancels. */
export async function makePasskey(options: unknown): Promise<PasskeyAnswer> {
  return asJson(await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options as PublicKeyCredentialCreationOptionsJSON) }))
}

/** Did the person cancel, or have no passkey here? Then nothing was refused. */
export const isCancelled = (thrown: unknown): boolean => thrown instanceof DOMException && (thrown.name === 'NotAllowedError' || thrown.name === 'AbortError')
