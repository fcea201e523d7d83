import type { ReadyCall, UserCaller } from '../ports/call.ts';
import { type Run, runOf, type WithRun } from './run.ts';

/** The context of a screen's call. Its upstreams carry deadline, trace and identity by themselves. */
export type ScreenContext = {
  /** The caller. Undefined if the answer is SHARED or the method is anonymous. */
  readonly caller: Pick<UserCaller, 'userId' | 'scopes' | 'claims'> | undefined;
  /** Aborted when no call waits any more. Pass it to every other operation that the screen awaits. */
  readonly signal: AbortSignal;
  /** Metadata of the client by lower-case key: in a cached method only the keys in `vary`. */
  metadata(key: string): string | undefined;
  /** Adds a tag to the answer, such as "order:42": Invalidate of this tag makes the answer unusable. */
  tag(tag: string): void;
  /** Milliseconds since 1970. */
  nowMs(): number;
} & WithRun;

/** @returns the user. A screen that needs a user has `access` for users, so a missing user is a defect */
export function userOf(context: ScreenContext): NonNullable<ScreenContext['caller']> {
  if (context.caller === undefined) throw new Error('This screen needs a user, but its policy lets anonymous callers in or shares its answer.');
  return context.caller;
}

/** What screens and streams see of a call itself. */
export function sightOf({ caller, metadata }: ReadyCall): Pick<ScreenContext, 'caller' | 'metadata'> {
  return {
    caller: caller?.kind === 'user' ? caller : undefined,
    metadata: (key) => {
      const value = metadata.get(key);
      return typeof value === 'string' ? value : undefined;
    },
  };
}

export function contextOf(
  call: ReadyCall,
  { tags, signal, run }: { readonly tags: Set<string>; readonly signal: AbortSignal; readonly run: Run },
): ScreenContext {
  return {
    ...sightOf(call),
    signal,
    tag: (tag) => {
      tags.add(tag);
    },
    nowMs: run.clock.nowMs,
    [runOf]: run,
  };
}
