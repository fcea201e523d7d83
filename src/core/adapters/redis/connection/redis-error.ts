import { ReplyError } from 'ioredis';
import { StoreDown, type StoreDownWhy } from '../../../kit/store-down.ts';
import { NoAnswer } from './timeouts-and-reconnects.ts';

type Interpreted = {
  readonly error: Error;
  /** The server answered, if only by an error. */
  readonly answered: boolean;
  /** The connection is no longer usable. */
  readonly unfit: boolean;
};

/** First words of error replies of an unavailable store. */
const down: Readonly<Record<string, { readonly why: StoreDownWhy; readonly unfit: boolean }>> = {
  LOADING: { why: 'gone', unfit: true },
  READONLY: { why: 'gone', unfit: true }, // it was a primary when the connection was opened
  MASTERDOWN: { why: 'gone', unfit: true },
  NOREPLICAS: { why: 'refused', unfit: false },
  MISCONF: { why: 'refused', unfit: false },
  OOM: { why: 'full', unfit: false },
  BUSY: { why: 'timeout', unfit: false },
  CLUSTERDOWN: { why: 'gone', unfit: false },
  TRYAGAIN: { why: 'moving', unfit: false },
  NOPERM: { why: 'refused', unfit: false },
  NOAUTH: { why: 'refused', unfit: true },
  WRONGPASS: { why: 'refused', unfit: true },
};

/** Replies that are handled where the command was sent: they stay ReplyErrors. */
const handled: ReadonlySet<string> = new Set(['MOVED', 'ASK', 'NOSCRIPT']);

/**
 * Interprets an error of ioredis. Every other error reply is StoreDown, too: values of another release, a renamed
 * command, a proxy's error. The caller continues without the store; the failure is counted, and reported with its text.
 */
export function interpret(error: unknown, name: string): Interpreted {
  if (!(error instanceof Error)) return { error: new Error(String(error)), answered: false, unfit: false };
  if (!(error instanceof ReplyError)) {
    const why = error instanceof NoAnswer ? 'timeout' : 'connection';
    return {
      error: new StoreDown(why, `Redis ${name} ${why === 'timeout' ? 'does not answer' : 'is unavailable'}: ${error.message}.`, { cause: error }),
      answered: false,
      unfit: false,
    };
  }
  const word = firstWord(error);
  if (handled.has(word)) return { error, answered: true, unfit: false };
  const known = down[word] ?? { why: 'refused', unfit: false };
  return { error: new StoreDown(known.why, `Redis ${name} refused: ${error.message}`, { cause: error }), answered: true, unfit: known.unfit };
}

/** "MOVED", "ASK", "NOSCRIPT", … of an error reply. */
export function firstWord(error: unknown): string {
  return error instanceof Error && error instanceof ReplyError ? (error.message.split(' ', 1)[0] ?? '') : '';
}
