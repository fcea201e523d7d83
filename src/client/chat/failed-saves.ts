import { type ChatStorage, standsForAll } from './storage.ts';

/**
 * The same storage, which keeps no sync token and no own number after it has failed to keep something: they would stand
 * for what it lacks, and the server would not send that again. It keeps them again when it was emptied.
 * Changes are saved one after the other, so it is known what has failed when the next ones are saved.
 */
export function saveWhatHolds(storage: ChatStorage): ChatStorage {
  let lacks = false;
  return {
    load: (userId) => storage.load(userId),
    save: async (changes) => {
      const isEmptied = changes.some(({ kind }) => kind === 'startOver');
      const kept = lacks && !isEmptied ? changes.filter((change) => !standsForAll(change)) : changes;
      try {
        if (kept.length > 0) await storage.save(kept);
        if (isEmptied) lacks = false;
      } catch (error) {
        lacks = true;
        throw error;
      }
    },
    erase: async () => {
      lacks = true;
      await storage.erase();
      lacks = false;
    },
  };
}
