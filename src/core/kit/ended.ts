/**
 * Why something was aborted that has simply ended. Shared, because `abort()` without a reason makes an exception with
 * its stack, which is most of the cost of closing a thousand streams at once.
 */
export const ended: unknown = new DOMException('It has ended.', 'AbortError');
