import type { NewEvent, PageLimits, TopicLimits, TopicPosition } from './topic-log.ts';

/** A payload that is not carried by the announcement, which is bounded by the bus, is read from the log (`onGap`). */
export const payloadBytesMax = 262_144;
/** Of the payloads and keys of one publish. */
export const publishBytesMax = 1_048_576;
export const publishEventsMax = 100;
/** Of the name of a topic. */
export const topicCharactersMax = 256;
/** A user's id is a key of presence. */
export const keyCharactersMax = 512;
export const requestIdCharactersMax = 128;
/** The largest `TopicLimits` of a topic. */
export const sizeMax = 10_000;
export const ageMsMax = 7 * 86_400_000;
export const pageEventsMax = 1_000;
/** How long the request id of an event is known. */
export const repeatMs = 300_000;
/** How many events an event of the same key may be behind, and still be recognised after it was replaced. */
export const replacedMax = 1_000;
/** How long an epoch lives after the last publish or read. */
export const epochMs = 30 * 86_400_000;
/**
 * How long an epoch without any event lives: a subscription to an unused name begins one. Twice what is kept of a topic
 * by default.
 */
export const newEpochMs = 600_000;

/** @throws RangeError */
export function checkLogTopic(topic: string): void {
  checkText('A topic', topic, 1, topicCharactersMax);
}

/** @throws RangeError */
export function checkPublish(topic: string, events: readonly NewEvent[], { size, ageMs }: TopicLimits): void {
  checkLogTopic(topic);
  checkWhole('The number of events', events.length, 1, publishEventsMax);
  checkWhole('The size of a log', size, 0, sizeMax);
  checkWhole('The age of a log', ageMs, 1, ageMsMax);
  let bytes = 0;
  for (const { payload, key = '', requestId } of events) {
    checkWhole('The bytes of a payload', payload.length, 0, payloadBytesMax);
    checkText('A key', key, 0, keyCharactersMax);
    if (requestId !== undefined) checkText('A request id', requestId, 1, requestIdCharactersMax);
    bytes += payload.length + key.length;
  }
  checkWhole('The bytes of one publish', bytes, 0, publishBytesMax);
  const ids = events.flatMap(({ requestId }) => requestId ?? []);
  if (new Set(ids).size < ids.length) throw new RangeError('Two events of one publish have the same request id.');
}

/** @throws RangeError */
export function checkRead(topic: string, { offset, epoch, id }: TopicPosition, { eventsMax, bytesMax }: PageLimits): void {
  checkLogTopic(topic);
  checkWhole('An offset', offset, 0, Number.MAX_SAFE_INTEGER);
  checkText('An epoch', epoch, 0, requestIdCharactersMax);
  checkText('The id of an event', id, 0, requestIdCharactersMax);
  checkWhole('The events of a page', eventsMax, 1, pageEventsMax);
  checkWhole('The bytes of a page', bytesMax, 0, Number.MAX_SAFE_INTEGER);
}

function checkText(what: string, text: string, least: number, most: number): void {
  if (text.length < least || text.length > most) throw new RangeError(`${what} has ${least} to ${most} characters, this one ${text.length}.`);
  if (!text.isWellFormed()) throw new RangeError(`${what} is well-formed Unicode, this one is not.`);
}

function checkWhole(what: string, value: number, least: number, most: number): void {
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw new RangeError(`${what}: a whole number from ${least} to ${most}, not ${value}.`);
}
