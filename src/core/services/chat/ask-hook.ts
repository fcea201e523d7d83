import type { Meter } from '@opentelemetry/api';
import { ChatHookServiceDefinition, type ReviewRequest, ReviewResponse } from '../../../gen/portico/internal/v1/chat_hook.ts';
import type { Content } from '../../../gen/portico/v1/chat.ts';
import type { Clock } from '../../kit/clock.ts';
import { Fault } from '../../kit/fault.ts';
import type { ReadyCall } from '../../ports/call.ts';
import { askUpstream } from '../../upstreams/ask-upstream.ts';
import type { Upstreams } from '../../upstreams/upstreams.ts';

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
/** The bounds of any content: portico/v1/chat.proto. Bytes. */
const textBytesMax = 16_384;
const dataBytesMax = 8_192;

export function openHook(
  { upstream, deadline, absent }: HookSettings,
  { upstreams, clock, meter }: { readonly upstreams: Pick<Upstreams, 'unary' | 'garbage'>; readonly clock: Clock; readonly meter: Meter },
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
  if (Buffer.byteLength(text) > textBytesMax || data.byteLength > dataBytesMax) throw new Error('The content is too large.');
  if (text.includes('\0')) throw new Error('The text has a NUL.');
  return outcome;
}

function refusedBy(why: string, message: string): Fault {
  return new Fault('MESSAGE_REFUSED', message === '' ? 'The message was refused.' : message, why === '' ? {} : { metadata: { why } });
}
