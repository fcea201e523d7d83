/**
 * Makes every remembered answer with one of the tags unusable. When the promise has resolved, no older answer is served as fresh.
 * @param tags 1 to 64 of at most 256 printable ASCII characters
 */
export type Invalidate = (tags: readonly string[]) => Promise<void>;
