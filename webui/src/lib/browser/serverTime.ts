// The time of day as the server has it, whatever this machine's clock says.

let ahead = 0

/** The server said what time it has. */
export function heardTime(date: string | null): void {
  const said = Date.parse(date ?? '')
  if (said) ahead = Date.now() - said
}

/** The server's time of day in milliseconds; it tells us whole seconds, so it may be one later. */
export const serverTime = (): number => Date.now() - ahead

/** The same as an instant in words that machines read. */
export const serverInstant = (): string => new Date(serverTime()).toISOString()
