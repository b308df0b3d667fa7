// An act by a click that a list answers by closing up: the second click of a double click would be for what came under it.

export const once = (act: () => void) => (event: MouseEvent): void => void (event.detail < 2 && act())
