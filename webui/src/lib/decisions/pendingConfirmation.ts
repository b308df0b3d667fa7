// The decision that waits for its second key press.

/** Nothing, a release, or a release that also lets the sender in from now on. */
export type Armed = '' | 'release' | 'approve'
