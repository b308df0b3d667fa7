// When something that has just changed is on screen: what is pressed before was meant for what stood there.

/** Tell when what was just changed has been painted, by the clock of key events. */
export const painted = (then: (at: number) => void): void => void requestAnimationFrame(() => setTimeout(() => then(performance.now())))

/** So long something is on screen before a key of its own answers it, in milliseconds: time to read it. */
export const READ = 500
