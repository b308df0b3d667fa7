// Starts the page where employees ask for their mail: without the console, which is not for them.
import './look'
import { mount } from 'svelte'
import { followLinks } from './lib/place.svelte'
import Ask from './pages/Ask.svelte'

addEventListener('click', followLinks)
mount(Ask, { target: document.getElementById('app')! })
