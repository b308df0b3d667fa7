// What vite.config.ts uses of Node; the types of all of it would reach the console too.
declare module 'node:fs' {
  export function readFileSync(path: string, encoding: 'utf8'): string
}

declare module 'node:crypto' {
  export function createHash(name: string): { update(text: string): { digest(as: 'hex'): string } }
}
