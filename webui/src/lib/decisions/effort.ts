// What a decision takes: keys and buttons pressed, and the time, since its row came under the cursor.

let pressed = 0
let since = performance.now()

const MODIFIERS: ReadonlySet<string> = new Set(['Shift', 'Control', 'Alt', 'AltGraph', 'Meta', 'CapsLock'])
const LONGEST = 86_400_000

addEventListener('keydown', (event) => { if (!event.repeat && !MODIFIERS.has(event.key)) pressed += 1 }, true)
addEventListener('pointerdown', () => { pressed += 1 }, true)

/** Starts counting for another row. */
export function begin(): void {
  pressed = 0
  since = performance.now()
}

/** Returns the effort until now, and starts again. */
export function taken(): { keys: number; milliseconds: number } {
  const effort = { keys: Math.min(pressed, 100_000), milliseconds: Math.min(Math.round(performance.now() - since), LONGEST) }
  begin()
  return effort
}
