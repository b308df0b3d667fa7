// The dialogs, loaded together and after the first paint: nobody waits for one, nobody waits because of one.
export { default as block } from './BlockSheet.svelte'
export { default as hand } from './HandSheet.svelte'
export { default as help } from './HelpSheet.svelte'
export { default as menu } from './MenuSheet.svelte'
export { default as palette } from './Palette.svelte'
export { default as purge } from './PurgeSheet.svelte'
export { default as redirect } from './RedirectSheet.svelte'
export { default as reject } from './RejectSheet.svelte'
