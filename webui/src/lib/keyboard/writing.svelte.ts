// Does somebody write a comment? Letters are text then, and no commands, also until its field has the focus.

export const writing = $state({ on: false })
