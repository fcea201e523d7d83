// Processes of the command line, which end with us.
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { startTied, type TiedProcess } from '../tied-process.ts';

/** That of this tree. */
const ownMain = resolve(import.meta.dirname, '../../src/main.ts');
/** Undefined: unset. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** What a process of ours sees of the environment: nothing that was set for another server. */
function environment(variables: Variables): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PORTICO_|DATABASE_URL|REDIS_URL|NODE_TEST_CONTEXT)/.test(name));
  return { ...Object.fromEntries(kept), ...variables };
}

/** Runs `portico …` to its end. @returns what it printed; @throws Error with what it said */
export function portico(command: readonly string[], variables: Variables, main = ownMain): Promise<string> {
  return new Promise((resolved, reject) => {
    execFile(process.execPath, [main, ...command], { env: environment(variables) }, (error, stdout, stderr) => {
      if (error === null) resolved(stdout);
      else reject(new Error(`portico ${command.join(' ')}: ${stderr.trim() || error.message}`));
    });
  });
}

export type Server = TiedProcess & { readonly isGone: () => boolean };

/** Starts `portico serve`; it ends when we do. @param main of a release */
export async function serve(variables: Variables, main = ownMain): Promise<Server> {
  const tied = await startTied([process.execPath, main, 'serve'], { signal: 'TERM', env: environment(variables), speaks: true });
  const isGone = () => {
    try {
      return !process.kill(tied.pid, 0);
    } catch {
      return true;
    }
  };
  return { ...tied, isGone };
}
