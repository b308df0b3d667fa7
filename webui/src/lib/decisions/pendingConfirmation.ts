// The decision that waits for its second press of its key.

/** Nothing, a release, or a release that also lets the sender in from now on. */
export type Armed = '' | 'release' | 'approve'
