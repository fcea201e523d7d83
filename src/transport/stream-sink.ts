import type { Writable } from 'node:stream';
import type { Sink } from '../core/ports/call.ts';

export type StreamSinkParts = {
  readonly output: Writable;
  /** Aborted when messages are no longer accepted. */
  readonly signal: AbortSignal;
  /**
   * @returns false when the client needs time to read
   * @throws Error for a message that cannot be written in its form
   */
  readonly write: (message: Uint8Array) => boolean;
  /** All messages are written. */
  readonly ended: () => void;
  readonly failed: (error: unknown) => void;
  /** The writer has stopped, however its stream ended. */
  readonly stopped: () => void;
};

/**
 * The bytes that may wait for one client before its stream is ended. A writer that waits for its sink stays far below.
 */
const waitingBytesMax = 1_048_576;

/**
 * The sink of one answer's messages: writes to the exchange, no faster than the client reads. Nothing is sent after the
 * end or the abort.
 */
export function streamSink({ output, signal, write, ended, failed, stopped }: StreamSinkParts): Sink {
  let over = false;
  let hasStopped = false;
  let waiting: (() => void) | undefined;
  const room = () => {
    const callback = waiting;
    waiting = undefined;
    if (!over && !signal.aborted) callback?.();
  };
  const finish = (how: () => void) => {
    if (!over && !signal.aborted) {
      over = true;
      how();
    }
    if (hasStopped) return;
    hasStopped = true;
    stopped();
  };
  const lose = (error: unknown) => {
    over = true;
    failed(error);
    return false;
  };
  return {
    signal,
    write: (message) => {
      if (over || signal.aborted) return false;
      try {
        const hasRoom = write(message);
        return hasRoom || output.writableLength <= waitingBytesMax
          ? hasRoom
          : lose(new Error('The writer of a stream went on although its sink was full.'));
      } catch (error) {
        return lose(error);
      }
    },
    onRoom: (callback) => {
      if (over || signal.aborted) return;
      if (!output.writableNeedDrain) return callback();
      if (waiting === undefined) output.once('drain', room);
      waiting = callback;
    },
    end: () => finish(ended),
    fail: (error) => finish(() => failed(error)),
  };
}
