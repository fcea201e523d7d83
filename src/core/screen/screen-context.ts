import type { ReadyCall, UserCaller } from '../ports/call.ts';
import type { ChatWrites } from '../ports/chat-writes.ts';
import type { Invalidate } from '../ports/invalidate.ts';
import type { Notify } from '../ports/push-queue.ts';
import type { Publish } from '../ports/topic-log.ts';
import { type Run, runOf, type WithRun } from './fan-out.ts';

/** What a screen or a stream may change beside its upstreams. Not for cached methods, which change nothing. */
export type Effects = {
  /**
   * Publishes events to topics of live updates, those of one topic in their order. With a `requestId`, a repeat within
   * five minutes publishes nothing twice.
   */
  readonly publish: Publish;
  /** Makes every cached answer with one of the tags unusable: after it, no replica serves an older one as fresh. */
  readonly invalidate: Invalidate;
  /**
   * Pushes a notice to all devices of a user, connected or not. With a `requestId`, a repeat pushes nothing twice until
   * the notice expires.
   */
  readonly notify: Notify;
  /** Creates conversations, changes their members, and speaks in them as the system ("app") or as a bot. */
  readonly chat: ChatWrites;
};

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
} & Effects &
  WithRun;

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

/** Refuses effects in cached methods: their answers are computed for many calls, or for none. */
export function effectsOf({ plan }: ReadyCall, { publish, invalidate, notify, chat }: Effects): Effects {
  if (plan.cache === undefined && plan.streamOf === undefined) return { publish, invalidate, notify, chat };
  const refuse = () => Promise.reject(new Error(`${plan.method} is cached: it can neither publish, nor invalidate, nor notify, nor speak.`));
  return { publish: refuse, invalidate: refuse, notify: refuse, chat: { create: refuse, setMembers: refuse, say: refuse } };
}

export function contextOf(
  call: ReadyCall,
  { tags, signal, run, effects }: { readonly tags: Set<string>; readonly signal: AbortSignal; readonly run: Run; readonly effects: Effects },
): ScreenContext {
  return {
    ...sightOf(call),
    ...effectsOf(call, effects),
    signal,
    tag: (tag) => {
      tags.add(tag);
    },
    nowMs: run.clock.nowMs,
    [runOf]: run,
  };
}
