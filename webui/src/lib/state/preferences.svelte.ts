// What somebody chose for their own console: kept by the server for the account, and in this browser so that the next start begins right.
import { api } from '../api/client'
import { keep, kept } from '../browser/localStorage'
import { language, languageFor } from '../i18n/i18n'
import type { Preferences } from '../schema/types'

const NONE: Preferences = { theme: null, density: null, letters: null, language: null, group: null, undo_seconds: null, notifications: null, keys: null }

function stored(): Preferences {
  try {
    return { ...NONE, ...JSON.parse(kept('choices', '{}')) }
  } catch {
    return NONE
  }
}

class Choices {
  now = $state.raw<Preferences>(stored())

  /** These hold from now on, on this page and in this browser. */
  take(chosen: Preferences): void {
    this.#hold(chosen)
    this.#speak()
  }

  #hold(chosen: Preferences): void {
    this.now = chosen
    keep('choices', JSON.stringify(chosen))
    keep('language', chosen.language ?? '')
    this.wear()
  }

  /** Words are read once, when the page begins: in another language it loads again. Where nothing can be stored it would do so for ever. */
  #speak(): void {
    if (kept('language', '') === (this.now.language ?? '') && languageFor(this.now.language) !== language) location.reload()
  }

  /** Theme and density are the style sheet's business. */
  wear(): void {
    for (const name of ['theme', 'density'] as const) {
      const value = this.now[name]
      if (value) document.documentElement.dataset[name] = value
      else delete document.documentElement.dataset[name]
    }
  }

  /** Another window of this browser chose something. */
  follow = (event: StorageEvent): void => {
    if (event.key !== 'mailroom.choices') return
    this.now = stored()
    this.wear()
    this.#speak()
  }

  /** Seen at once, then kept; when it cannot be kept it is as before, and the Problem is thrown. */
  async choose(change: Partial<Preferences>): Promise<void> {
    const was = this.now
    this.#hold({ ...this.now, ...change })
    try {
      await api.choose(change)
    } catch (thrown) {
      const names = (Object.keys(change) as (keyof Preferences)[]).filter((name) => this.now[name] === change[name]) // else another was chosen since
      this.#hold({ ...this.now, ...Object.fromEntries(names.map((name) => [name, was[name]])) })
      throw thrown
    }
    this.#speak()
  }

  /** From what is seen now to the other one. */
  turnTheme(): Promise<void> {
    const dark = (this.now.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark'
    return this.choose({ theme: dark ? 'light' : 'dark' })
  }
}

export const choices = new Choices()
