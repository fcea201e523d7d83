import { newRun, runOf } from './fan-out.ts';
import type { StreamContext } from './hand-written-stream.ts';
import type { ScreenContext } from './screen-context.ts';

export type FakeContext = ScreenContext &
  StreamContext & {
    /** The tags that the screen has set. */
    readonly tags: ReadonlySet<string>;
    /** What it published, and which tags it invalidated. */
    readonly published: readonly Parameters<ScreenContext['publish']>[0][number][];
    readonly invalidated: ReadonlySet<string>;
    /** Whom it notified of what. */
    readonly notified: readonly (Parameters<ScreenContext['notify']>[1] & { readonly userId: string })[];
    /** What it said in conversations. */
    readonly said: readonly (Parameters<ScreenContext['chat']['say']>[1] & { readonly conversationId: string })[];
  };

/**
 * A context for the tests of a screen or a stream: no deadline, a clock that does not move.
 * @param options the caller (unset: none), the metadata of the client, and the time in milliseconds since 1970
 */
export function fakeContext({
  userId,
  metadata = {},
  nowMs = 0,
}: {
  readonly userId?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly nowMs?: number;
} = {}): FakeContext {
  const tags = new Set<string>();
  const published: Parameters<ScreenContext['publish']>[0][number][] = [];
  const invalidated = new Set<string>();
  const notified: FakeContext['notified'][number][] = [];
  const said: FakeContext['said'][number][] = [];
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, after: () => () => {} };
  return {
    caller: userId === undefined ? undefined : { userId, scopes: new Set(), claims: new Map([['sub', userId]]) },
    signal: new AbortController().signal,
    metadata: (key) => metadata[key],
    tag: (tag) => {
      tags.add(tag);
    },
    publish: async (events) => events.map((event) => ({ epoch: 'fake', offset: published.push(event), id: '' })),
    invalidate: async (some) => {
      for (const tag of some) invalidated.add(tag);
    },
    notify: async (userId, notice) => {
      notified.push({ ...notice, userId });
      return 1;
    },
    chat: {
      create: async ({ clientId }) => ({ conversationId: clientId, created: true }),
      setMembers: async () => 1,
      say: async (conversationId, message) => {
        const number = said.push({ ...message, conversationId });
        return { seq: number, number, eventId: '', sentAtMs: nowMs, repeated: false };
      },
    },
    published,
    invalidated,
    notified,
    said,
    nowMs: () => nowMs,
    lifetime: undefined,
    tags,
    [runOf]: newRun({ clock, partsEndAtMs: undefined, soFar: false }),
  };
}
