import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Locks a folder for this process: two PGlites on one folder corrupt it (pglite #1106). The lock of a process that has
 * ended is taken over.
 * @returns releases it
 * @throws Error naming the process that has it
 */
export function lockFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'lock');
  const mine = `${process.pid} ${startOf(process.pid)}\n`;
  const own = `${path}.${process.pid}`;
  for (;;) {
    if (linked(own, mine, path))
      return () => {
        if (read(path) === mine) rmSync(path, { force: true });
      };
    const held = read(path);
    if (isAlive(held)) {
      throw new Error(`The data directory ${folder} is in use by process ${held.split(' ')[0]}. Stop it, or choose another with PORTICO_DATA_DIR.`);
    }
    removeStale(path, held, own, mine);
  }
}

/**
 * Creates `path` with this process' text if it does not exist. Linking is one system call, so only one process
 * succeeds.
 */
function linked(own: string, mine: string, path: string): boolean {
  try {
    writeFileSync(own, mine, { mode: 0o600 });
    linkSync(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    rmSync(own, { force: true });
  }
}

/**
 * Only the holder of the second lock may remove the first, and only while that is still the stale one. Otherwise it
 * could remove a lock that another process just took.
 */
function removeStale(path: string, stale: string, own: string, mine: string): void {
  const guard = `${path}.takeover`;
  if (!linked(own, mine, guard)) {
    if (!isAlive(read(guard))) rmSync(guard, { force: true }); // its process ended within these few lines
    return;
  }
  try {
    if (read(path) === stale) rmSync(path, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}

function isAlive(lock: string): boolean {
  const [pid = '', start = ''] = lock.trim().split(' ');
  return pid !== '' && start !== '' && startOf(Number(pid)) === start;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // removed meanwhile: no process has it
  }
}

/**
 * The start time of a process in clock ticks since boot (proc(5), stat field 22), which distinguishes processes with
 * the same pid. Empty: no such process.
 */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(') ') + 2).split(' ')[19] ?? '';
  } catch {
    try {
      process.kill(pid, 0); // without /proc only the existence of the process is known
      return 'alive';
    } catch {
      return '';
    }
  }
}
