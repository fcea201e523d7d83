import type { Meter } from '@opentelemetry/api';
import { ChatHookServiceDefinition, type ReviewRequest, ReviewResponse } from '../../../gen/portico/internal/v1/chat_hook.ts';
import type { Content } from '../../../gen/portico/v1/chat.ts';
import { Attachment } from '../../../gen/portico/v1/media.ts';
import type { Clock } from '../../kit/clock.ts';
import { Fault } from '../../kit/fault.ts';
import type { ReadyCall } from '../../ports/call.ts';
import type { Appended, ChatStore, NewEntry } from '../../ports/chat.ts';
import { contentBytesMax } from '../../ports/chat-limits.ts';
import { type AskableUpstreams, askUpstream } from '../../upstreams/upstreams.ts';
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

/** The hook of the settings. Times in milliseconds. */
export type HookSettings = { readonly upstream: string; readonly deadline: number; readonly absent: 'refuse' | 'accept' };

/**
 * Asks the company's service about a message.
 * @returns the content to be stored in its place; undefined: it is stored as it was sent
 * @throws Fault MESSAGE_REFUSED; UPSTREAM_DOWN when there was no answer, and the settings refuse such a message
 */
export type AskHook = (request: ReviewRequest, call: ReadyCall) => Promise<Content | undefined>;

const { fullName, methods } = ChatHookServiceDefinition;
/** Of the upstream, as other services name it. */
export const reviewMethod = `${fullName}/${methods.review.name}`;

export function openHook(
  { upstream, deadline, absent }: HookSettings,
  { upstreams, clock, meter }: { readonly upstreams: AskableUpstreams; readonly clock: Clock; readonly meter: Meter },
): AskHook {
  const path = `/${reviewMethod}`;
  const outcomes = meter.createCounter('portico.chat.reviews', { description: 'Messages that the hook was asked about, by outcome.' });
  const ask = async (request: ReviewRequest, call: ReadyCall) => {
    const deadlineAtMs = Math.min(call.deadlineAtMs ?? Number.POSITIVE_INFINITY, clock.nowMs() + deadline);
    const encoded = methods.review.requestType.encode(request).finish();
    return askUpstream(upstreams, { upstream, path }, { request: encoded, decode: outcomeIn }, { ...call, deadlineAtMs });
  };
  return async (request, call) => {
    const outcome = await ask(request, call);
    outcomes.add(1, { outcome: outcome?.$case ?? 'absent' });
    switch (outcome?.$case) {
      case 'accepted':
        return undefined;
      case 'rewritten':
        return outcome.value;
      case 'refused':
        throw refusedBy(outcome.value.why, outcome.value.message);
      case undefined:
        if (absent === 'accept') return undefined;
        throw new Fault('UPSTREAM_DOWN', `The internal service ${upstream}, which checks messages, gave no answer: try again.`, {
          metadata: { upstream },
          retryAfterMs: 1_000,
        });
    }
  };
}

/** @throws Error for an answer that no content or reason can be */
function outcomeIn(body: Uint8Array): NonNullable<ReviewResponse['outcome']> {
  const { outcome } = ReviewResponse.decode(body);
  if (outcome === undefined) throw new Error('The answer has no outcome.');
  if (outcome.$case === 'refused' && !/^([A-Z][A-Z0-9_]{0,62})?$/.test(outcome.value.why)) throw new Error('`why` is no reason such as SPAM.');
  if (outcome.$case !== 'rewritten') return outcome;
  const { text, data } = outcome.value;
  if (Buffer.byteLength(text) > contentBytesMax.text || data.byteLength > contentBytesMax.data) throw new Error('The content is too large.');
  if (text.includes('\0')) throw new Error('The text has a NUL.');
  return outcome;
}

function refusedBy(why: string, message: string): Fault {
  return new Fault('MESSAGE_REFUSED', message === '' ? 'The message was refused.' : message, why === '' ? {} : { metadata: { why } });
}
