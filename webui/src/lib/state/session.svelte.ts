// The signed-in member of staff.
import { api, onEnd, problemOf } from '../api/client'
import { forget } from '../api/prefetch'
import { place } from '../browser/location.svelte'
import { SIGNED_IN, SIGNED_IN_PATH } from '../browser/signedIn'
import { choices } from './preferences.svelte'
import type { FactorAsked, Me, Verb } from '../schema/types'

class Session {
  me = $state.raw<Me | null>(null)
  known = $state(false)
  failure = $state('')
  away = $state(false) // no server answered when we began
  locked = $state(false)

  /** Ask the server who we are. 401 means: show the sign-in page. */
  async begin(): Promise<void> {
    try {
      this.#is(await api.me())
      this.failure = ''
      this.away = false
    } catch (thrown) {
      const problem = problemOf(thrown)
      this.me = null
      forget()
      this.away = problem.passes
      this.failure = problem.status === 401 ? '' : problem.message
    }
    this.known = true
  }

  /** What the server says of us by now. Where it does not answer it is as it was, and what was chosen since stays. */
  async look(): Promise<void> {
    this.me = await api.me().catch(() => this.me)
  }

  #is(me: Me): void {
    choices.take(me.preferences)
    this.me = me
  }

  /** Sign in with a password; what is asked for, where a second factor finishes it. */
  async signIn(login: string, password: string): Promise<FactorAsked | null> {
    const answer = await api.signIn(login, password)
    if ('set_up' in answer) return answer
    this.entered(answer)
    return null
  }

  /** Sign in as whom the proxy in front of the console names. */
  async signInByProxy(): Promise<FactorAsked | null> {
    const answer = await api.signInByProxy()
    if ('set_up' in answer) return answer
    if (this.me && this.me.login !== answer.login) location.assign('/')
    else this.open(answer)
    return null
  }

  entered = (me: Me): void => {
    this.#is(me)
    this.failure = ''
  }

  /** A session that could not be ended is not said to be over: the sentence that says why not. */
  async leave(end: () => Promise<unknown> = api.signOut): Promise<string> {
    const problem = await end().then(() => null, problemOf)
    if (problem && problem.status !== 401) return problem.message
    await this.forgetDevice()
    location.assign('/')
    return ''
  }

  /** What the console keeps on this device for the next start. */
  async forgetDevice(): Promise<void> {
    await import('../browser/shellCache').then(({ forgetShell }) => forgetShell()).catch(() => undefined)
  }

  /** The session ended on the server: the work stays on the page, hidden until the password is typed again. */
  lost = (): void => {
    if (this.me) this.locked = true
  }

  async unlock(password: string): Promise<FactorAsked | null> {
    const answer = await api.signIn(this.me?.login ?? '', password)
    if ('set_up' in answer) return answer
    this.open(answer)
    return null
  }

  async openBreakGlass(login: string, first: string, second: string): Promise<void> {
    this.entered(await api.openBreakGlass(login, first, second))
  }

  /** The browser goes to the provider, and comes back to where we are. */
  async signInAt(provider: string): Promise<void> {
    location.assign((await api.providerSignIn(provider, place.path + location.search)).url)
  }

  /** The provider signs us in again in a window of its own, so that the work stays on the page. */
  async unlockAt(provider: string, opened?: () => void): Promise<void> {
    const there = open('', 'sign-in', 'popup,width=520,height=720')
    const heard = new BroadcastChannel(SIGNED_IN)
    heard.onmessage = () => {
      heard.close()
      void api.me().then((me) => (me.login === this.me?.login ? (this.open(me), opened?.()) : location.assign('/')))
    }
    try {
      const { url } = await api.providerSignIn(provider, SIGNED_IN_PATH, true)
      if (there) there.location = url
      else location.assign(url)
    } catch (thrown) {
      there?.close()
      heard.close()
      throw thrown
    }
  }

  open = (me: Me): void => {
    this.#is(me)
    this.locked = false
  }

  may(verb: Verb): boolean {
    return this.me?.verbs.includes(verb) ?? false
  }

  /** May we ask who reads a folder? */
  get auditsFolders(): boolean {
    return this.me?.role === 'admin' || this.me?.role === 'auditor'
  }

  get wholeCompany(): boolean {
    return this.me?.scope.includes('company') ?? false
  }
}

export const session = new Session()

onEnd(session.lost)
