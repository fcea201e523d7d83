import type { CopiesOfUsers, Erasures, UserDataPart } from '../../ports/user-data.ts';

/**
 * A part that is not in SQL. A piece that is deleted and not recorded, because the process ends between the two, is not
 * counted: the next one finds it gone.
 * @param onDone called when all is deleted, before that is recorded
 */
export function copiesPart(
  name: string,
  {
    copies,
    erasures,
    onDone = async () => {},
  }: { readonly copies: CopiesOfUsers; readonly erasures: Pick<Erasures, 'record'>; readonly onDone?: (userId: string) => Promise<void> },
): UserDataPart {
  return {
    name,
    export: copies.read,
    erase: async ({ id, userId, place }) => {
      const progress = await copies.forget(userId, place);
      if (progress.isDone) await onDone(userId);
      await erasures.record(id, name, progress);
    },
  };
}
