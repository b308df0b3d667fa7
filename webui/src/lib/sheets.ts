// The dialogs of the queue, loaded together and after the list.
export { default as block } from './BlockSheet.svelte'
export { default as purge } from './PurgeSheet.svelte'
export { default as redirect } from './RedirectSheet.svelte'
export { default as reject } from './RejectSheet.svelte'
