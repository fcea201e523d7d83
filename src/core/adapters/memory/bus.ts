import type { Bus, BusListener } from '../../ports/bus.ts';
import { checkMessage, checkTopic, checkTopics } from '../../ports/bus-limits.ts';
import type { Log } from '../../ports/log.ts';

/** The bus of a single replica, which loses no message. */
export function memoryBus(log: Log): Bus {
  const topics = new Map<string, Set<BusListener>>();
  return {
    publish: async (topic, bytes) => {
      checkTopic(topic);
      checkMessage(bytes);
      const listeners = [...(topics.get(topic) ?? [])];
      for (const listener of listeners) {
        try {
          listener.onMessage(bytes);
        } catch (error) {
          log.error('A listener of the bus failed.', { topic, error });
        }
      }
      return listeners.length;
    },
    subscribe: async (topic, { onMessage, onGap }, signal) => {
      checkTopic(topic);
      signal?.throwIfAborted();
      const listeners = topics.get(topic) ?? new Set();
      if (listeners.size === 0) {
        checkTopics(topics.size);
        topics.set(topic, listeners);
      }
      const own = { onMessage, onGap }; // the same subscriber may be passed twice
      listeners.add(own);
      return {
        isWhole: () => true,
        close: () => {
          listeners.delete(own);
          if (listeners.size === 0 && topics.get(topic) === listeners) topics.delete(topic);
        },
      };
    },
  };
}
