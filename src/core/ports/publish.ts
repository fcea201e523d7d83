import type { SpanContext } from './short-spans.ts';
import type { NewEvent, TopicPosition } from './topic-log.ts';

/**
 * Appends events to topics, those of one topic in their order. Resolved when they are in the log; a repeat with the
 * same request ids publishes nothing twice.
 * @param origin the span that publishes; undefined: it is not recorded
 * @returns the position of each event
 * @throws Fault TOPIC_UNKNOWN, REQUEST_INVALID, or STORE_DOWN when the shared store did not confirm it
 */
export type Publish = (events: readonly (NewEvent & { readonly topic: string })[], origin?: SpanContext) => Promise<readonly TopicPosition[]>;
