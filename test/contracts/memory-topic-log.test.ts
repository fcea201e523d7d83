import { memoryBus } from '../../src/core/adapters/memory/bus.ts';
import { memoryTopicLog } from '../../src/core/adapters/memory/topic-log.ts';
import { quietLog } from '../support/log.ts';
import { fakeClock } from '../support/time/clock.ts';
import { topicLogContract } from './topic-log.ts';
import { topicLogTable } from './topic-log-table.ts';

const open = async () => {
  const clock = fakeClock();
  let ids = 0;
  const log = memoryTopicLog({ clock, bus: memoryBus(quietLog), randomId: () => `id${++ids}` });
  return {
    a: log,
    b: log,
    elapse: clock.advance,
    faults: {
      evictEvents: async (topic: string) => log.faults.evictEvents(topic),
      evictEpoch: async (topic: string) => log.faults.evictEpoch(topic),
      save: async (topic: string) => {
        const restore = log.faults.save(topic);
        return async () => restore();
      },
    },
    [Symbol.asyncDispose]: async () => {},
  };
};

topicLogContract('memory', open);
topicLogTable('memory', open);
