import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Takes a folder for this process alone: two PGlites on one folder corrupt it (pglite #1106). A lock whose process is gone is taken over.
 * @returns gives it back
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

/** Makes `path` with our text, if it is not there: linking is one system call, so two processes cannot both do it. */
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

/** Only who holds the second lock may remove the first, and only while that is still the stale one: else the lock that another just took would go with it. */
function removeStale(path: string, stale: string, own: string, mine: string): void {
  const guard = `${path}.takeover`;
  if (!linked(own, mine, guard)) {
    if (!isAlive(read(guard))) rmSync(guard, { force: true }); // its process died within these few lines
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
    return ''; // gone meanwhile: nobody has it
  }
}

/** When a process started, in clock ticks since boot (proc(5), stat field 22): a pid that was given anew has another. Empty: there is no such process. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(') ') + 2).split(' ')[19] ?? '';
  } catch {
    try {
      process.kill(pid, 0); // no /proc on this system: only whether it lives can be known
      return 'alive';
    } catch {
      return '';
    }
  }
}
