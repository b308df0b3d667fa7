// Starts the console.
import './look'
import { mount } from 'svelte'
import App from './App.svelte'
import { choices } from './lib/state/preferences.svelte'

choices.wear()
mount(App, { target: document.getElementById('app')! })
