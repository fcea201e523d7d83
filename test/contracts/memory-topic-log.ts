import { memoryBus } from '../../src/core/adapters/memory/bus.ts';
import { memoryTopicLog } from '../../src/core/adapters/memory/topic-log.ts';
import { quietLog } from '../support/log.ts';
import { lossyBus } from '../support/lossy-bus.ts';
import { fakeClock } from '../support/time/clock.ts';
import type { TopicLogHarness } from './topic-log.ts';

/** The topic log in memory, whose clock moves when asked to. */
export async function openMemoryLog(): Promise<TopicLogHarness> {
  const clock = fakeClock();
  let ids = 0;
  const bus = lossyBus(memoryBus(quietLog));
  const log = memoryTopicLog({ clock, bus, randomId: () => `id${++ids}` });
  return {
    a: log,
    b: log,
    announcements: bus,
    elapse: clock.advance,
    faults: {
      evictEvents: async (topic) => log.faults.evictEvents(topic),
      evictEpoch: async (topic) => log.faults.evictEpoch(topic),
      save: async (topic) => {
        const restore = log.faults.save(topic);
        return async () => restore();
      },
    },
    [Symbol.asyncDispose]: async () => {},
  };
}
