// What waits for its second key.

/** Nothing, a release, or a release that also lets the sender in from now on. */
export type Armed = '' | 'release' | 'approve'
