// Starts the employees' page, without the console.
import './look'
import { mount } from 'svelte'
import { followLinks } from './lib/browser/location.svelte'
import EmployeePortal from './pages/people/EmployeePortal.svelte'

addEventListener('click', followLinks)
mount(EmployeePortal, { target: document.getElementById('app')! })
