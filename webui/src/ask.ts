// Starts the page where employees ask for their mail: without the console, which is not for them.
import './look'
import { mount } from 'svelte'
import { followLinks } from './lib/browser/location.svelte'
import EmployeePortal from './pages/people/EmployeePortal.svelte'

addEventListener('click', followLinks)
mount(EmployeePortal, { target: document.getElementById('app')! })
