/** How something ended: it returned, it threw, or it was closed early. */
export type EndingOf = { readonly how: 'returned' } | { readonly how: 'threw'; readonly error: unknown } | { readonly how: 'closed' };

export type Endings = {
  /** Runs `callback` once at the end, or at once if it has already ended. */
  onEnd(callback: (ending: EndingOf) => void): void;
  /** Only the first call has an effect. */
  end(ending: EndingOf): void;
};

/** The callbacks for the end of one thing. */
export function endings(): Endings {
  let callbacks: ((ending: EndingOf) => void)[] | undefined;
  let ended: EndingOf | undefined;
  return {
    onEnd: (callback) => {
      if (ended !== undefined) callback(ended);
      else callbacks = callbacks === undefined ? [callback] : [...callbacks, callback]; // push makes room for 16 more
    },
    end: (ending) => {
      if (ended !== undefined) return;
      ended = ending;
      for (const callback of callbacks ?? []) callback(ending);
      callbacks = undefined;
    },
  };
}

/**
 * Why something was aborted that has simply ended. Shared, because `abort()` without a reason makes an exception with
 * its stack, which is most of the cost of closing a thousand streams at once.
 */
export const ended: unknown = new DOMException('It has ended.', 'AbortError');

/** The signal of what nothing ends early. */
export const never: AbortSignal = new AbortController().signal;
