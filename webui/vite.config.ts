// How the console is built: no inlined assets and no polyfill script, since the content security policy allows files of our own only.
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'
import { ICONS } from './src/lib/ui/icons.ts'

/** The first questions wait for nothing: their file runs by itself, before what imports it has come. */
const prefetch: Plugin = {
  name: 'prefetch',
  transformIndexHtml: {
    order: 'post',
    handler: (_html, { bundle, filename }) =>
      Object.keys(bundle ?? {})
        .filter((file) => file.startsWith('assets/prefetch-') && filename.endsWith('index.html'))
        .map((file) => ({ tag: 'script', attrs: { type: 'module', async: true, src: `/${file}` }, injectTo: 'head' as const })),
  },
}

/** What a glyph draws, without the frame that all of them share. */
function drawingOf(name: string): string {
  const svg = readFileSync(`node_modules/lucide-static/icons/${name}.svg`, 'utf8')
  return svg.slice(svg.indexOf('>', svg.indexOf('<svg')) + 1, svg.lastIndexOf('</svg>')).replace(/\s+/g, ' ').trim()
}

/** The console's glyphs, once in the page: a sprite needs no further request and no markup written by scripts. */
const sprite: Plugin = {
  name: 'sprite',
  transformIndexHtml: (html, { filename }) =>
    filename.endsWith('index.html')
      ? html.replace('<div id="app">', `<svg hidden aria-hidden="true">${ICONS.map((name) => `<symbol id="icon-${name}" viewBox="0 0 24 24">${drawingOf(name)}</symbol>`).join('')}</svg>\n    <div id="app">`)
      : html,
}

/** The service worker, at the root so that it serves the whole console: in front of it the version and the files that it keeps. The page names the version too. */
let version = ''
const worker: Plugin = {
  name: 'worker',
  apply: 'build',
  buildStart() {
    this.emitFile({ type: 'chunk', id: 'src/worker.ts', fileName: 'sw.js' })
  },
  transformIndexHtml: {
    order: 'post',
    handler: (html, { bundle, filename }) => {
      if (!filename.endsWith('index.html')) return []
      version = createHash('sha256').update(html + Object.keys(bundle ?? {}).sort().join()).digest('hex').slice(0, 16)
      return [{ tag: 'meta', attrs: { name: 'version', content: version }, injectTo: 'head' as const }]
    },
  },
  generateBundle: {
    order: 'post',
    handler(_options, bundle) {
      const code = bundle['sw.js']
      const files = Object.keys(bundle).filter((file) => file.startsWith('assets/') && !file.startsWith('assets/ask-')).sort().map((file) => `/${file}`)
      if (code?.type !== 'chunk' || !version) throw new Error('the service worker or the page is missing')
      code.code = `const SHELL=${JSON.stringify({ version, files })};${code.code}`
    },
  },
}

// What the console fetches by itself, in two files, since each file is a request: what stands beside the first rows, and a moment later what opens above them.
const BESIDE = /src\/lib\/(shell\/(Toast|DepartmentFolder|AppUpdate)\.svelte|list\/(ChangedProofsLane|ShiftNotesLane|TimeCriticalLane)\.svelte|search\/SavedSearches\.svelte|preview\/(AllReasons|Links|Attachments)\.svelte|ui\/focus\.ts|browser\/shellCache\.ts)$/
const ABOVE = /src\/lib\/(history\/(History|Comments)\.svelte|shell\/(lazyDialogs\.ts|print\.ts|(IdleLock|Router)\.svelte)|dialogs\/(SecondLook|Undo)Dialog\.svelte|decisions\/(ConfirmRelease\.svelte|(allowSteps\.svelte|errorText|allowedSenders)\.ts))$/

export default defineConfig({
  plugins: [svelte(), prefetch, sprite, worker],
  build: {
    outDir: 'dist',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    cssTarget: ['chrome123', 'firefox128', 'safari17.5'],
    rolldownOptions: {
      checks: { bundlerTimings: false },
      input: ['index.html', 'ask.html'],
      // Two files for all that the queue needs, the first of them for /ask too: files that wait for the words would otherwise be cut into many small ones.
      output: { codeSplitting: { groups: [
        { name: 'prefetch', test: /src\/lib\/(api\/prefetch|browser\/localStorage)\.ts$/, priority: 6 },
        { name: 'base', test: /src\/(look|lib\/(api\/client|i18n\/format|browser\/location\.svelte))\.ts$|src\/lib\/ui\/Brand\.svelte$|node_modules\/svelte\//, priority: 5 },
        { name: 'console', test: /src\/App\.svelte$/, priority: 4 },
        { name: 'beside', test: BESIDE, priority: 3 },
        { name: 'signin', test: /src\/lib\/signin\//, priority: 2 },
        { name: 'above', test: ABOVE, priority: 1 },
      ] } },
    },
  },
  test: { include: ['tests/**/*.test.ts'], setupFiles: ['tests/page.ts'], environment: 'node' },
  server: { proxy: { '/api': 'http://127.0.0.1:8080' } },
})
