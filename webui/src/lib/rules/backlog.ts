// Forecast of when the queue is empty, at the pace of the last hour.

const HOUR = 3_600_000 // milliseconds
const FEWEST = 5 // decisions that a pace can be read from

/** Decisions an hour, since the first one of the last hour; 0 where they are too few. `times`: of the newest decisions, in milliseconds. */
export function paceOf(times: readonly number[], now: number): number {
  const lately = times.filter((at) => at > now - HOUR)
  if (lately.length < FEWEST) return 0
  return (lately.length * HOUR) / Math.max(now - Math.min(...lately), HOUR / 12) // a full page of them may be of less than an hour
}

/** When so many rows are decided at a pace of decisions an hour. */
export const doneAt = (rows: number, pace: number, now: number): string => new Date(now + (rows / pace) * HOUR).toISOString()
