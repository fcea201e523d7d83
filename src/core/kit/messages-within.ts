import type { DescMessage } from '@bufbuild/protobuf';

/** All message types that `root` can contain, itself included. */
export function messagesWithin(root: DescMessage): ReadonlySet<DescMessage> {
  const found = new Set([root]);
  for (const type of found) for (const { message } of type.fields) if (message !== undefined) found.add(message); // also those that are added meanwhile
  return found;
}
