import { closeSync, mkdirSync, openSync, write, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../kit/clock.ts';

/** A file that lines are added to. */
export type LineFile = {
  write(line: string): void;
  /** Writes what is left and closes the file; waits for the disk. */
  close(): void;
};

/** Lines are gathered to blocks of this many bytes, at the latest for a second. */
const blockBytes = 65_536;
const flushEveryMs = 1_000;
/** Blocks that wait for a slow disk: 4 MiB. Over it lines are dropped, and the next block begins by saying how many. */
const waitingMax = 64;

/**
 * Opens a file to add lines to. Lines are encoded into a block as they come: gathering text and measuring it when it is written took 3 µs a line, this takes a third.
 * @param file is made with its folder where it is not there
 * @param onError is told of what could not be written; those lines are lost
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

  const writeNext = () => {
    const next = waiting.shift();
    writing = next !== undefined;
    if (next !== undefined) writeWhole(next);
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
      if (waiting.length >= waitingMax) {
        dropped++;
        return;
      }
      if (dropped > 0) add(`{"level":"warn","msg":"${dropped} lines were dropped: the disk is too slow."}\n`);
      dropped = 0;
      add(line);
    },
    close: () => {
      cancelTimer?.();
      try {
        for (const bytes of [...waiting.splice(0), block.subarray(0, used)]) writeSync(descriptor, bytes);
        if (!writing) closeSync(descriptor); // else the write on its way needs it, and the process is about to end
      } catch (error) {
        onError(error as Error);
      }
    },
  };
}
