import { z } from 'zod';
import { durationText } from '../../core/kit/duration.ts';
import { ageMsMax, sizeMax } from '../../core/ports/topic-log-limits.ts';
import { heartbeatRangeMs } from '../../core/streams/heartbeat.ts';
import { duration, name, text } from '../value-formats.ts';
import { ruleFields, ruleKind } from './caller-rule.ts';
import { topicPresence } from './presence.ts';

const count = (most: number) => z.int().min(1).max(most);

const namespace = z.strictObject({
  history: z.int().min(0).max(sizeMax).default(100).describe('Events of a topic that are kept for clients that return.'),
  historyAge: duration('1s', durationText(ageMsMax)).prefault('5m').describe('How long they are kept.'),
  conflate: z.boolean().default(false).describe('Slow clients, and those that return, receive only the newest event of each key.'),
  publish: z.boolean().default(false).describe('Clients that may listen to a topic may publish to it, too.'),
  scopes: z.array(text()).max(20).default([]).describe('Scopes that listeners need.'),
  listen: ruleKind
    .default('owner')
    .describe(
      'Who may listen to a topic "namespace:name". users: all. owner: the user whose id is the name. claim: users whose `claim` is the name. method: users whom `method` answers, given the name in `field`.',
    ),
  ...ruleFields('listen'),
  presence: topicPresence,
});

export const live = z
  .strictObject({
    namespaces: z.record(name(), namespace).prefault({}).describe('The topics "namespace:name", by namespace.'),
    heartbeat: duration(durationText(heartbeatRangeMs.least), durationText(heartbeatRangeMs.most))
      .prefault('25s')
      .describe('Each side of a stream sends something at least this often, unless its client stretches it.'),
    hello: duration('100ms', '1m').prefault('10s').describe('Time for the first message of a stream.'),
    bytesMax: z
      .int()
      .min(65_536)
      .max(16_777_216)
      .default(1_048_576)
      .describe('Bytes that may wait for one client. Beyond it the stream is closed with STREAM_SLOW.'),
    queuedBytes: z
      .int()
      .min(65_536)
      .max(68_719_476_736)
      .optional()
      .describe(
        'Bytes that may wait for the clients of all live and chat streams of a replica together; a message for many clients counts once. Beyond it streams are closed with STREAM_SLOW: those first whose clients have taken nothing for the longest time, then those with the most. Unset: a sixteenth of the memory of the container, or of the machine, from 32 MiB to 1 GiB.',
      ),
    stalled: duration('1s', '10m')
      .prefault('30s')
      .describe('A client that takes nothing for this long while something waits is closed with STREAM_SLOW.'),
    unacknowledgedMax: count(100_000).default(1_000).describe('Events and snapshots that a client may leave unacknowledged before others wait.'),
    streamsPerUser: count(100_000).default(20).describe('Streams of one user at one replica. Beyond it: STREAMS_TOO_MANY.'),
    streamsPerAddress: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe(
        'Streams from one IPv4 address or one IPv6 /64 network at one replica. Beyond it: STREAMS_TOO_MANY. Unset: no limit, as behind a balancer, whose address is that of all.',
      ),
    beginsPerSecond: count(10_000)
      .default(20)
      .describe(
        'Streams, subscriptions and watches that one user begins in a second at one replica, on average; a hundred times as many at once. Beyond it: MESSAGES_TOO_MANY.',
      ),
    subscriptionsMax: count(10_000).default(128).describe('Subscriptions of one stream. Beyond it the stream is closed with SUBSCRIPTIONS_TOO_MANY.'),
    watchesMax: count(10_000).default(64).describe('Watches of one stream. Beyond it the stream is closed with SUBSCRIPTIONS_TOO_MANY.'),
    messagesPerSecond: count(10_000)
      .default(20)
      .describe('Messages of one client in a second, on average; ten times as many at once. Beyond it the stream is closed with MESSAGES_TOO_MANY.'),
    computationsMax: count(10_000)
      .default(64)
      .describe('Concurrent computations of watched answers at one replica: this many for changes, and as many for clients that arrive.'),
    recheck: duration('1s', '10m')
      .prefault('30s')
      .describe('How often, on average, a watched answer is compared with the tag versions, in case an invalidation was lost.'),
    recoveriesMax: count(10_000).default(64).describe('Concurrent reads of the log for clients that return, at one replica.'),
  })
  .prefault({})
  .describe('Live updates: LiveService.');
