/**
 * Calls back with tags that were invalidated, here or at another replica, soon after that was true. It is for
 * promptness only, since events may be lost. Only the versions are certain. The callback is called synchronously, and
 * must not throw. Without tags, some events were lost, and now they are received again.
 * @returns takes the callback off again
 */
export type OnInvalidated = (callback: (tags: readonly string[] | undefined) => void) => () => void;
