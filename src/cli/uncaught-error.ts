import type { Portico } from '../wire/portico.ts';
import { exitCodes } from './exit-codes.ts';

/** From the uncaught error to the end of the process. Milliseconds. */
const endsAfterMs = 900;

/**
 * An uncaught error leaves the process in an unknown state, so the process ends. The error is logged in full, clients
 * receive GOAWAY, and calls in flight have the rest of a second. The supervisor starts the server again.
 */
export function endOnUncaughtError(portico: Pick<Portico, 'log' | 'drain'>): void {
  let ending = false;
  process.on('uncaughtException', (error, origin) => {
    portico.log.error('An uncaught error ends the server: a defect.', { error, origin });
    if (ending) return;
    ending = true;
    const exit = () => process.exit(exitCodes.failed);
    setTimeout(exit, endsAfterMs);
    portico.drain().then(exit, exit);
  });
}
