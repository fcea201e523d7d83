import { Fault } from '../../src/core/kit/fault.ts';

/** For `assert.rejects`. */
export function isFault(reason: string): (error: unknown) => boolean {
  return (error) => error instanceof Fault && error.reason === reason;
}
