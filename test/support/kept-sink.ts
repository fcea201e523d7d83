import type { Sink } from '../../src/core/ports/call.ts';

/** A sink that keeps the first byte of each message and how it ended; it is full once it holds `room` messages, until it is emptied. */
export function keptSink(room = Number.POSITIVE_INFINITY) {
  const controller = new AbortController();
  const got: (number | string)[] = [];
  let held = 0;
  let waiting: (() => void) | undefined;
  const sink: Sink = {
    signal: controller.signal,
    write: ([n = -1]) => {
      got.push(n);
      held++;
      return held < room;
    },
    onRoom: (callback) => {
      waiting = callback;
    },
    stuckForMs: 0,
    end: () => void got.push('end'),
    fail: (error) => void got.push(`fail ${(error as Error).message}`),
  };
  const empty = () => {
    held = 0;
    const callback = waiting;
    waiting = undefined;
    callback?.();
  };
  return { sink, got, empty, leave: () => controller.abort(new Error('left')) };
}
