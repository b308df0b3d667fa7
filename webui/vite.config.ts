// How the console is built: no inlined assets and no polyfill script, since the content security policy allows files of our own only.
import { svelte } from '@sveltejs/vite-plugin-svelte'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

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

export default defineConfig({
  plugins: [svelte(), prefetch],
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
        { name: 'prefetch', test: /src\/lib\/(api\/prefetch|browser\/localStorage)\.ts$/, priority: 3 },
        { name: 'base', test: /src\/(look|lib\/(api\/client|i18n\/format|browser\/location\.svelte))\.ts$|src\/lib\/shell\/Brand\.svelte$|node_modules\/svelte\//, priority: 2 },
        { name: 'console', test: /src\/App\.svelte$/, priority: 1 },
      ] } },
    },
  },
  test: { include: ['tests/**/*.test.ts'], setupFiles: ['tests/page.ts'], environment: 'node' },
  server: { proxy: { '/api': 'http://127.0.0.1:8080' } },
})
