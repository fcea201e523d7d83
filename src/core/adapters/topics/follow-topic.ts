import type { Bus } from '../../ports/bus.ts';
import { checkLogTopic, type TopicLog } from '../../ports/topic-log.ts';
import { busTopicOf, decodeAnnouncement } from './event-announcement.ts';

/** Follows a topic by the announcements on the bus. */
export function followBy(bus: Bus): TopicLog['follow'] {
  return async (topic, { onEvent, onGap }, signal) => {
    checkLogTopic(topic);
    const onMessage = (bytes: Uint8Array) => {
      const announced = decodeAnnouncement(bytes);
      if (announced === undefined) onGap();
      else onEvent(announced.event, announced.previousId);
    };
    return bus.subscribe(busTopicOf(topic), { onMessage, onGap }, signal);
  };
}
