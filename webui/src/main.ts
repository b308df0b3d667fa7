// Starts the console.
import './look'
import { mount } from 'svelte'
import App from './App.svelte'
import { endSignInWindow } from './lib/browser/signedIn'
import { choices } from './lib/state/preferences.svelte'

endSignInWindow()
choices.wear()
mount(App, { target: document.getElementById('app')! })
