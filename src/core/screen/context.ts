import type { ReadyCall, UserCaller } from '../ports/call.ts';
import { type Run, runOf, type WithRun } from './run.ts';

/** What a screen knows of its call. Deadline, trace and identity go along with its upstreams by themselves. */
export type ScreenContext = {
  /** Who calls. Undefined where the answer is SHARED or the method is open to all: reading it there throws nothing, there is nobody. */
  readonly caller: Pick<UserCaller, 'userId' | 'scopes' | 'claims'> | undefined;
  /** Aborted when nobody waits any more. Hand it to whatever else the screen waits for. */
  readonly signal: AbortSignal;
  /** Metadata of the client by its lower-case key: in a cached method only what `vary` names. */
  metadata(key: string): string | undefined;
  /** Says what the answer is about, such as "order:42": Invalidate of that tag makes it unusable. */
  tag(tag: string): void;
  /** Milliseconds since 1970. */
  nowMs(): number;
} & WithRun;

/** @returns the caller's user; a screen that needs one has `access` for users, so that its absence is a defect */
export function userOf(context: ScreenContext): NonNullable<ScreenContext['caller']> {
  if (context.caller === undefined) throw new Error('This screen needs a user, but its policy lets anonymous callers in or shares its answer.');
  return context.caller;
}

export function contextOf(
  call: ReadyCall,
  { tags, signal, run }: { readonly tags: Set<string>; readonly signal: AbortSignal; readonly run: Run },
): ScreenContext {
  return {
    caller: call.caller?.kind === 'user' ? call.caller : undefined,
    signal,
    metadata: (key) => {
      const value = call.metadata.get(key);
      return typeof value === 'string' ? value : undefined;
    },
    tag: (tag) => {
      tags.add(tag);
    },
    nowMs: run.clock.nowMs,
    [runOf]: run,
  };
}
