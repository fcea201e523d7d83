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
    try {
      writeFileSync(own, mine, { mode: 0o600 });
      linkSync(own, path); // fails when the lock exists: one system call, so two processes cannot both take it
      return () => {
        if (read(path) === mine) rmSync(path, { force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const [pid = '', start = ''] = read(path).trim().split(' ');
      if (pid !== '' && startOf(Number(pid)) === start && start !== '') {
        throw new Error(`The data directory ${folder} is in use by process ${pid}. Stop it, or choose another with PORTICO_DATA_DIR.`);
      }
      rmSync(path, { force: true });
    } finally {
      rmSync(own, { force: true });
    }
  }
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
