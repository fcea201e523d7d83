import { Attachment } from '../../../gen/portico/v1/media.ts';
import type { ReadyCall } from '../../ports/call.ts';
import type { Appended, ChatStore, NewEntry } from '../../ports/chat.ts';
import type { AskHook } from './ask-hook.ts';
import { kinds } from './encode-chat.ts';
import type { ChatActions } from './store-then-announce.ts';

/** Appends what a user sends, once the company's hook has seen it. */
export type PostOfUser = (conversationId: string, entry: Omit<NewEntry, 'eventId'>, call: ReadyCall) => Promise<Appended>;

/**
 * Messages and edits are reviewed side by side, and appended in the order in which their sender has sent them. What was
 * appended before is not reviewed again: its repeat gives the first one's place, whatever the hook would say today.
 * @param ask undefined: there is no hook
 */
export function postReviewed({ post }: Pick<ChatActions, 'post'>, chat: Pick<ChatStore, 'sentBefore'>, ask: AskHook | undefined): PostOfUser {
  if (ask === undefined) return post;
  /** By conversation and sender: resolved when what was sent before is on its way to the store. */
  const turns = new Map<string, Promise<void>>();

  const review = async (conversationId: string, entry: Omit<NewEntry, 'eventId'>, call: ReadyCall) => {
    const { conversation, appended } = await chat.sentBefore(conversationId, entry);
    if (appended !== undefined) return { appended };
    const { sender, clientId, text = '', data = new Uint8Array(0), attachmentIds = [], replySeq = 0, targetSeq = 0 } = entry;
    const rewritten = await ask(
      {
        conversationId,
        kind: kinds[conversation.kind],
        subject: conversation.subject,
        userId: sender.id,
        clientId,
        content: { text, data: Buffer.from(data), attachments: attachmentIds.map((id) => Attachment.fromPartial({ id })) },
        replyToSeq: BigInt(replySeq),
        editedSeq: BigInt(targetSeq),
      },
      call,
    );
    if (rewritten === undefined) return { entry };
    return { entry: { ...entry, text: rewritten.text, data: rewritten.data, original: { text: entry.text, data: entry.data } } };
  };
  return async (conversationId, entry, call) => {
    if (entry.kind !== 'message' && entry.kind !== 'edit') return post(conversationId, entry);
    const key = JSON.stringify([conversationId, entry.sender.id]);
    const before = turns.get(key);
    const reviewing = review(conversationId, entry, call);
    const posting = Promise.allSettled([before, reviewing]).then(async () => {
      const reviewed = await reviewing;
      // in an object: whose turn is next does not wait for the commit, so that several are committed together
      return { appending: reviewed.appended !== undefined ? Promise.resolve(reviewed.appended) : post(conversationId, reviewed.entry) };
    });
    const turn = posting.then(
      () => {},
      () => {},
    );
    turns.set(key, turn);
    void turn.then(() => turns.get(key) === turn && turns.delete(key));
    return (await posting).appending;
  };
}
