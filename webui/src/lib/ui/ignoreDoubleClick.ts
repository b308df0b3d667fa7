// What a click answers by bringing something else under the pointer: the second click of a double click would be for that.

export const once = (act: () => void) => (event: MouseEvent): void => void (event.detail < 2 && act())

/** The same for all that is within: of a double click the first one counts. */
export const single = (event: MouseEvent): void => void (event.detail > 1 && event.stopPropagation())
