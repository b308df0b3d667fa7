// The time of day for everything that counts down; ticks twice a minute.

export const clock = $state({ now: Date.now() })

setInterval(() => (clock.now = Date.now()), 30_000)
