// Who sits at this console.
import { api, problemOf } from './api'
import type { Me, Verb } from './shapes'

class Session {
  me = $state.raw<Me | null>(null)
  known = $state(false)
  failure = $state('')

  /** Ask the server who we are. 401 means: show the sign-in page. */
  async begin(): Promise<void> {
    try {
      this.me = await api.me()
      this.failure = ''
    } catch (thrown) {
      const problem = problemOf(thrown)
      this.me = null
      this.failure = problem.status === 401 ? '' : problem.message
    }
    this.known = true
  }

  async signIn(login: string, password: string): Promise<void> {
    this.me = await api.signIn(login, password)
    this.failure = ''
  }

  async signOut(): Promise<void> {
    await api.signOut().catch(() => undefined)
    location.assign('/')
  }

  /** The session ended on the server: the work stays on the page, the password is asked again. */
  lost(): void {
    this.me = null
  }

  may(verb: Verb): boolean {
    return this.me?.verbs.includes(verb) ?? false
  }

  get wholeCompany(): boolean {
    return this.me?.scope.includes('company') ?? false
  }
}

export const session = new Session()
