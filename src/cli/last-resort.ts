import type { Portico } from '../wire.ts';
import { exitCodes } from './exit.ts';

/** From what nobody caught to the end of the process. Milliseconds. */
const endsAfterMs = 900;

/**
 * What nobody caught leaves the process in a state that nobody knows, so it ends: the error is logged whole, clients are told to go elsewhere (GOAWAY), and calls in flight get what is left of a
 * second. Whoever started the server starts it anew.
 */
export function installLastResort(portico: Pick<Portico, 'log' | 'drain'>): void {
  let ending = false;
  process.on('uncaughtException', (error, origin) => {
    portico.log.error('A defect that nobody caught: the server ends.', { error, origin });
    if (ending) return;
    ending = true;
    const exit = () => process.exit(exitCodes.failed);
    setTimeout(exit, endsAfterMs);
    portico.drain().then(exit, exit);
  });
}
