// The little of a browser that the console's logic touches when it is loaded.
const kept = new Map<string, string>()
const events = new EventTarget()

Object.assign(globalThis, {
  window: globalThis,
  addEventListener: events.addEventListener.bind(events),
  dispatchEvent: events.dispatchEvent.bind(events),
  location: { pathname: '/', search: '', reload: () => undefined },
  localStorage: { getItem: (name: string) => kept.get(name) ?? null, setItem: (name: string, value: string) => kept.set(name, value) },
  matchMedia: () => ({ matches: false }),
  requestAnimationFrame: (then: (at: number) => void) => setTimeout(() => then(performance.now())),
  document: { body: {}, documentElement: { dataset: {} }, hidden: false, querySelector: () => null, getElementById: () => null },
})
