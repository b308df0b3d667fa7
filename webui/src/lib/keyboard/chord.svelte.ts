// The first key of two, pressed and waiting for the second: never for longer than the next key, however late that comes.

export const chord = $state({ open: '' })
