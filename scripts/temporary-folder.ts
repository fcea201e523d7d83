import { existsSync, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Linux's file system in memory. */
const memory = '/dev/shm';
/** A run of all tests takes some 300 MiB; the usual 64 MiB of a container are too few. Bytes. */
const roomMin = 2 * 2 ** 30;

/**
 * Makes a folder for what need not last, in memory where there is room: some file systems look for long before they
 * make a file where others have just been deleted, and a database or a clone has hundreds.
 * @param name its beginning, such as "portico-tests"
 */
export function makeTemporaryFolder(name: string): string {
  const { bavail = 0, bsize = 0 } = existsSync(memory) ? statfsSync(memory) : {};
  if (Math.min(bavail * bsize, process.availableMemory()) < roomMin) return mkdtempSync(join(tmpdir(), `${name}-`));
  for (const left of readdirSync(memory)) {
    const pid = left.startsWith(`${name}-`) ? /^\d+(?=-)/.exec(left.slice(name.length + 1))?.[0] : undefined;
    // what a run that was killed has left
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(memory, left), { recursive: true, force: true });
  }
  return mkdtempSync(join(memory, `${name}-${process.pid}-`));
}
