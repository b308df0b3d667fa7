// Whether somebody writes a comment: letters are then text and no commands, even before the field has the focus.

export const writing = $state({ on: false })
