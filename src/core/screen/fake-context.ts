import type { ScreenContext } from './context.ts';
import { newRun, runOf } from './parts-run.ts';
import type { StreamContext } from './stream.ts';

export type FakeContext = ScreenContext &
  StreamContext & {
    /** The tags that the screen has set. */
    readonly tags: ReadonlySet<string>;
    /** What it published, and which tags it invalidated. */
    readonly published: readonly Parameters<ScreenContext['publish']>[0][number][];
    readonly invalidated: ReadonlySet<string>;
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
    published,
    invalidated,
    nowMs: () => nowMs,
    lifetime: undefined,
    tags,
    [runOf]: newRun({ clock, partsEndAtMs: undefined, soFar: false }),
  };
}
