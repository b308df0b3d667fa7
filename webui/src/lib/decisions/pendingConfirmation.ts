// The decision that waits for its second press of its key.

/** Nothing, a release, or a release that also allows the sender from now on. */
export type Armed = '' | 'release' | 'approve'
