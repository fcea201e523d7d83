import type { Clock } from '../../kit/clock.ts';
import type { MethodPlan } from '../../kit/method-plan.ts';
import type { Log } from '../../ports/log.ts';
import type { ShortSpans } from '../../ports/short-spans.ts';
import type { Publish } from '../../ports/topic-log.ts';
import type { Watches } from './group-watches-by-answer.ts';
import type { LiveCounts } from './live-metrics.ts';
import type { ReadPage } from './resume-and-conflate.ts';
import type { Feed } from './topic-feed.ts';
import type { ReadTopic } from './topic-namespaces.ts';
import type { Presences } from './topic-presence.ts';

/** What every live stream of this replica uses. */
export type LiveParts = {
  /** Of one stream. */
  readonly limits: { readonly subscriptionsMax: number; readonly watchesMax: number };
  /** By path. */
  readonly plans: ReadonlyMap<string, MethodPlan>;
  readonly topicOf: ReadTopic;
  readonly feeds: { of(topic: string): Feed };
  readonly readPage: ReadPage;
  readonly presences: Presences;
  readonly watches: Watches;
  readonly publish: Publish;
  readonly spans: ShortSpans;
  readonly clock: Clock;
  readonly counts: LiveCounts;
  readonly log: Log;
};
