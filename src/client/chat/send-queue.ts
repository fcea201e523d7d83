import type { Content, Entry, PostAnswer, PostRequest } from '../../gen/portico/v1/chat.ts';
import type { Chance } from '../stream/connection.ts';
import { waitMs } from '../stream/retry-waits.ts';
import { same, then, timer } from '../stream/transitions.ts';
import { type ChatDraft, type ChatState, notify, type Queued, save } from './state.ts';

/** Entries that may wait for an answer. */
const queueMax = 1_000;
/** Entries that the server is storing: half of what it takes before it lets the next ones wait. */
const sentMax = 16;
/**
 * Entries that are sent at once, and the time of each further one: half of what the server takes of all messages of a
 * client by default, so that a long queue does not close the stream. Milliseconds.
 */
const burst = 100;
const eachMs = 100;
/** The least wait before something is sent once more. Milliseconds. */
const againMs = 1_000;
/** Reasons of an answer after which the same entry may be stored later. Any other one is final. */
const passing = new Set([
  'MESSAGES_TOO_MANY',
  'STORAGE_DOWN',
  'STORE_DOWN',
  'UPSTREAM_DOWN',
  'UPSTREAM_FAILED',
  'UPSTREAM_TIMEOUT',
  'DEADLINE_EXCEEDED',
  'DRAINING',
  'MAINTENANCE',
]);
/** The bounds of chat.proto: the server ends a stream with a message that breaks one. Bytes. */
const most = { text: 16_384, data: 8_192, clientId: 100, reaction: 64, attachments: 10 } as const;
const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** Puts an entry into the queue: it is sent when it is saved. */
export function post(state: ChatState, request: PostRequest): ChatDraft {
  const refuse = (reason: string): ChatDraft => ({ state, actions: [posted(request, reason)] });
  if (breaksRule(request)) return refuse('REQUEST_INVALID');
  if (state.queue.length >= queueMax) return refuse('QUEUE_FULL');
  if (state.queue.some(({ request: other }) => isSame(other, request))) return same(state);
  const queued: Queued = { request, status: 'saving', seq: 0n };
  return save({ ...state, queue: [...state.queue, queued] }, [{ kind: 'queued', request }], { queued: idOf(request) });
}

/** Sends what may be sent: of each conversation one entry at a time, so that a refusal cannot change their order. */
export function sendQueue(state: ChatState): ChatDraft {
  if ((state.phase !== 'syncing' && state.phase !== 'live') || state.postsHeld) return same(state);
  const busy = new Set<string>();
  const sends: PostRequest[] = [];
  let sent = state.queue.filter(({ status }) => status === 'sent').length;
  let waitsMs = 0;
  let postsAtMs = Math.max(state.postsAtMs, state.nowMs);
  const queue = state.queue.map((queued): Queued => {
    const { conversationId } = queued.request;
    const isNext = queued.status === 'waiting' && !busy.has(conversationId) && sent < (state.careful ? 1 : sentMax);
    if (queued.status !== 'stored') busy.add(conversationId);
    if (!isNext || waitsMs > 0) return queued;
    waitsMs = Math.ceil(postsAtMs - state.nowMs - (burst - 1) * eachMs);
    if (waitsMs > 0) return queued;
    postsAtMs += eachMs;
    sent++;
    sends.push(queued.request);
    return { ...queued, status: 'sent' };
  });
  const actions = sends.map((value) => ({ do: 'send', message: { $case: 'post', value } }) as const);
  if (waitsMs <= 0) return { state: { ...state, queue, postsAtMs }, actions };
  return { state: { ...state, queue, postsAtMs, postsHeld: true }, actions: [...actions, timer('post', waitsMs)] };
}

/** The server has answered. */
export function answered(state: ChatState, { conversationId, clientId, posted: place, reason }: PostAnswer, { random }: Chance): ChatDraft {
  const found = state.queue.find(({ request, status }) => status === 'sent' && isSame(request, { conversationId, clientId }));
  if (found === undefined) return same(state);
  if (passing.has(reason)) {
    const failures = state.postFailures + 1;
    const next = { ...state, queue: withStatus(state, found, 'waiting'), postFailures: failures, postsHeld: true };
    return { state: next, actions: [timer('post', Math.max(againMs, waitMs(failures + 1, random)))] };
  }
  const seq = place?.seq ?? 0n;
  const comes = reason === '' && seq > (state.conversations.get(conversationId)?.last?.seq ?? 0n);
  const queue = comes ? state.queue.map((each) => (each === found ? { ...each, status: 'stored' as const, seq } : each)) : without(state, found);
  const next = settled({ ...state, queue, postFailures: 0 }, found.request, reason);
  return then(next, sendQueue);
}

/** Events have come: what waits for its own event, or for its answer, leaves the queue. */
export function arrived(state: ChatState, conversationId: string, clientIds: ReadonlySet<string>, upTo: bigint): ChatDraft {
  const isHere = ({ request, status, seq }: Queued) =>
    request.conversationId === conversationId && (clientIds.has(request.entry?.clientId ?? '') || (status === 'stored' && seq <= upTo));
  const here = state.queue.filter(isHere);
  if (here.length === 0) return same(state);
  const start: ChatDraft = { state: { ...state, queue: state.queue.filter((each) => !isHere(each)) }, actions: [] };
  const left = here
    .filter(({ status }) => status !== 'stored')
    .reduce((draft, { request }) => then(draft, (next) => settled(next, request, '')), start);
  return then(left, sendQueue);
}

/** The server has lost what it had stored: that is sent once more. */
export function lost(state: ChatState, conversationId: string): ChatState {
  const isLost = ({ request, status }: Queued) => status === 'stored' && request.conversationId === conversationId;
  return { ...state, queue: state.queue.map((each) => (isLost(each) ? { ...each, status: 'waiting', seq: 0n } : each)) };
}

/** No event of the conversation comes any more. */
export function unawaited(state: ChatState, conversationId: string): ChatState {
  return { ...state, queue: state.queue.filter(({ request, status }) => status !== 'stored' || request.conversationId !== conversationId) };
}

/** A stream begins: nothing of the queue was sent on it. */
export function unsent(state: ChatState): ChatState {
  const queue = state.queue.map((each): Queued => (each.status === 'sent' ? { ...each, status: 'waiting' } : each));
  return { ...state, queue, postsHeld: false };
}

/**
 * The stream was refused as if one of its messages broke a rule. If one entry alone was sent, it is that: it is given
 * up. Else the next stream sends one at a time. Undefined: it was no entry.
 */
export function suspected(state: ChatState, reason: string): ChatDraft | undefined {
  const sent = state.queue.filter(({ status }) => status === 'sent');
  const [only, ...others] = sent;
  if (only === undefined || state.phase === 'connecting') return undefined;
  if (others.length > 0) return same({ ...state, careful: true });
  return settled({ ...state, queue: without(state, only), careful: false }, only.request, reason);
}

/** The storage has it, or has failed to keep it. */
export function queuedIsSaved(state: ChatState, id: { readonly conversationId: string; readonly clientId: string }, isSaved: boolean): ChatDraft {
  const found = state.queue.find(({ request, status }) => status === 'saving' && isSame(request, id));
  if (found === undefined) return same(state);
  if (!isSaved) return { state: { ...state, queue: without(state, found) }, actions: [posted(found.request, 'STORAGE_FAILED')] };
  return sendQueue({ ...state, queue: withStatus(state, found, 'waiting') });
}

export function posted({ conversationId, entry }: PostRequest, reason: string) {
  return notify({ kind: 'posted', conversationId, clientId: entry?.clientId ?? '', reason });
}

/** It leaves the storage, and the app is notified. */
function settled(state: ChatState, request: PostRequest, reason: string): ChatDraft {
  const { state: next, actions } = save(state, [{ kind: 'answered', ...idOf(request) }]);
  return { state: next, actions: [...actions, posted(request, reason)] };
}

const idOf = ({ conversationId, entry }: PostRequest) => ({ conversationId, clientId: entry?.clientId ?? '' });

function isSame(request: PostRequest, other: PostRequest | { readonly conversationId: string; readonly clientId: string }): boolean {
  const { conversationId, clientId } = 'clientId' in other ? other : idOf(other);
  return request.conversationId === conversationId && request.entry?.clientId === clientId;
}

function withStatus({ queue }: ChatState, of: Queued, status: Queued['status']): readonly Queued[] {
  return queue.map((each) => (each === of ? { ...each, status } : each));
}

function without({ queue }: ChatState, of: Queued): readonly Queued[] {
  return queue.filter((each) => each !== of);
}

function breaksRule({ conversationId, entry }: PostRequest): boolean {
  if (!uuid.test(conversationId) || entry === undefined) return true;
  if (entry.clientId === '' || [...entry.clientId].length > most.clientId) return true;
  return breaksRuleOf(entry.what);
}

function breaksRuleOf(what: Entry['what']): boolean {
  switch (what?.$case) {
    case 'message':
      return breaksBounds(what.value.content);
    case 'edit':
      return what.value.targetSeq < 1n || breaksBounds(what.value.content);
    case 'react':
      return what.value.targetSeq < 1n || what.value.reaction === '' || [...what.value.reaction].length > most.reaction;
    case 'delete':
      return what.value.targetSeq < 1n;
    default:
      return true;
  }
}

function breaksBounds(content: Content | undefined): boolean {
  if (content === undefined) return true;
  const ids = content.attachments.map(({ id }) => id.toLowerCase());
  const breaks = ids.length > most.attachments || new Set(ids).size < ids.length || !ids.every((id) => uuid.test(id));
  return breaks || new TextEncoder().encode(content.text).length > most.text || content.data.length > most.data;
}
