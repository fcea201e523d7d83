import type { Clock } from '../../kit/clock.ts';
import type { PageLimits, TopicLog, TopicPage, TopicPosition } from '../../ports/topic-log.ts';

/** How long a page is given to others. Milliseconds. */
const keptMs = 1_000;
/** Pages that are kept: beyond it the oldest is forgotten. */
const pagesMax = 200;
/** What a client that returns is sent at once. */
const pageOfClients: PageLimits = { eventsMax: 100, bytesMax: 65_536 };

/**
 * Reads for clients that return together: what all of them missed is read once, for whoever asks within a second. Such
 * a page ends where the log did when it was read, so it is for those who follow the topic, and read on from its end.
 * One without events is not kept, because nobody comes further by it.
 */
export function sharePages({ read }: Pick<TopicLog, 'read'>, clock: Pick<Clock, 'after'>, page = pageOfClients) {
  const kept = new Map<string, Promise<TopicPage>>();
  return (topic: string, after: TopicPosition): Promise<TopicPage> => {
    const { epoch, offset, id } = after;
    const key = JSON.stringify([topic, epoch, offset, id]);
    const known = kept.get(key);
    if (known !== undefined) return known;
    const reading = read(topic, after, page);
    kept.set(key, reading);
    const forget = () => {
      if (kept.get(key) === reading) kept.delete(key);
    };
    const cancel = clock.after(keptMs, forget);
    const drop = () => {
      cancel();
      forget();
    };
    reading.then((found) => {
      if (!found.recovered || found.events.length === 0) drop();
    }, drop);
    const [oldest] = kept.keys();
    if (kept.size > pagesMax && oldest !== undefined) kept.delete(oldest);
    return reading;
  };
}
