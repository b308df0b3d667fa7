// Starts the console.
import '@fontsource-variable/atkinson-hyperlegible-next/wght.css'
import '@fontsource-variable/atkinson-hyperlegible-mono/wght.css'
import './app.css'
import { mount } from 'svelte'
import App from './App.svelte'
import { language } from './lib/language'
import { choices } from './lib/choices.svelte'

document.documentElement.lang = language
choices.wear()
mount(App, { target: document.getElementById('app')! })
