// The server's time of day for everything that counts down; ticks twice a minute.
import { serverTime } from '../browser/serverTime'

let tick = $state(0)
setInterval(() => tick++, 30_000)

export const clock = {
  get now(): number {
    void tick
    return serverTime() + 999 // nothing is said to last longer than it does
  },
}
