import { closeSync, mkdirSync, openSync, write } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../../kit/clock.ts';

/** A file to which lines are appended. */
export type LineFile = {
  write(line: string): void;
  /** Writes the remaining lines after those that the disk takes just now, and closes the file. */
  close(): Promise<void>;
};

/** Lines are collected in blocks of this many bytes, for at most a second. */
const blockBytes = 65_536;
const flushEveryMs = 1_000;
/**
 * Blocks that wait for a slow disk: 4 MiB. Beyond this lines are dropped, and the next block begins with their number.
 */
const waitingMax = 64;

/**
 * Opens a file to append lines. Each line is encoded into a block at once. Collecting text and measuring it when it is
 * written took 3 µs a line; this takes a third.
 * @param file is created with its folder if it does not exist
 * @param onError receives write errors; the lines are lost
 */
export function openLineFile(file: string, clock: Clock, onError: (error: Error) => void): LineFile {
  mkdirSync(dirname(file), { recursive: true });
  const descriptor = openSync(file, 'a');
  const waiting: Buffer[] = [];
  let block = Buffer.allocUnsafe(blockBytes);
  let used = 0;
  let writing = false;
  let dropped = 0;
  let cancelTimer: (() => void) | undefined;
  const idle = Promise.withResolvers<void>();
  let closing = false;

  const writeNext = () => {
    const next = waiting.shift();
    writing = next !== undefined;
    if (next !== undefined) writeWhole(next);
    else if (closing) idle.resolve();
  };
  const writeWhole = (bytes: Buffer) => {
    write(descriptor, bytes, (error, written) => {
      if (error !== null) onError(error);
      else if (written < bytes.length) return writeWhole(bytes.subarray(written));
      writeNext();
    });
  };
  const flush = () => {
    cancelTimer?.();
    cancelTimer = undefined;
    if (used === 0) return;
    waiting.push(block.subarray(0, used));
    block = Buffer.allocUnsafe(blockBytes);
    used = 0;
    if (!writing) writeNext();
  };
  const add = (line: string) => {
    // UTF-8 takes at most three bytes for each character of JavaScript
    if (line.length * 3 > blockBytes - used) flush();
    used += block.write(line, used);
    cancelTimer ??= clock.after(flushEveryMs, flush);
  };
  return {
    write: (line) => {
      if (closing) return;
      if (waiting.length >= waitingMax) {
        dropped++;
        return;
      }
      if (dropped > 0) add(`{"level":"warn","msg":"${dropped} lines were dropped: the disk is too slow."}\n`);
      dropped = 0;
      add(line);
    },
    close: async () => {
      if (closing) return idle.promise;
      flush();
      closing = true;
      if (!writing) idle.resolve();
      await idle.promise;
      closeSync(descriptor);
    },
  };
}
