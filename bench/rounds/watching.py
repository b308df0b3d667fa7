"""Script in the console's page that measures it: from a key's own time until the result has been painted."""

# `after` is kept with the time when what `ready` looks for has been painted: a message that is sent in a frame arrives behind its painting
IN_PAGE = """window.bench = {
  loaded: new WeakSet(),
  after: (ready) => new Promise((done) => {
    const look = () => requestAnimationFrame(() => {
      if (!ready()) return look()
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = () => done(performance.now())
      port2.postMessage(0)
    })
    look()
  }),
  place: () => Number(document.querySelector('.row.at')?.getAttribute('aria-posinset') ?? 0),
  last: () => Number(document.querySelector('.row.at')?.getAttribute('aria-setsize') ?? 0),
  header: () => {
    const subject = document.querySelector('.row.at .subject bdi')?.textContent
    return Boolean(subject) && subject === document.querySelector('.view h2')?.textContent
  },
  load: () => {
    const fetched = performance.getEntriesByType('resource').filter((one) => one.name.includes('/assets/'))
    return fetched.reduce((sum, one) => sum + one.encodedBodySize, 0)
  },
  body: () => bench.loaded.has(document.querySelector('iframe.shown')),
  watch: (...wanted) => {
    const since = (event) => Promise.all(wanted.map(bench.after)).then((times) => times.map((time) => time - event.timeStamp))
    bench.seen = new Promise((done) => addEventListener('keydown', (event) => done(since(event)), { capture: true, once: true }))
  },
}
document.addEventListener('load', (event) => { if (event.target.tagName === 'IFRAME') bench.loaded.add(event.target) }, true)
bench.rows = bench.after(() => document.querySelector('.row'))"""
