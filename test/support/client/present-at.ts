import type { Message } from './live-client.ts';

/** What a client knows of the users of a topic, by all that it received. */
export function presentAt(
  received: readonly Message[],
  topic: string,
): { readonly count: number; readonly users: readonly string[] | undefined } | undefined {
  let users: Set<string> | undefined;
  let count: number | undefined;
  for (const { $case, value } of received) {
    if ($case === 'presenceState' && value.topic === topic) {
      count = value.count;
      users = value.listed ? new Set(value.users) : undefined;
    }
    if ($case === 'presenceChange' && value.topic === topic) {
      if (count === undefined) throw new Error('A change came before the state.');
      count = value.count;
      for (const user of value.left) users?.delete(user);
      for (const user of value.joined) users?.add(user);
    }
  }
  return count === undefined ? undefined : { count, users: users && [...users].sort() };
}
