// The act that waits for its second press.

/** Nothing, a release, or a release that also lets the sender in from now on. */
export type Armed = '' | 'release' | 'approve'
