import type { MethodPlan } from '../kit/plan.ts';
import type { StatusError } from '../kit/status-error.ts';
import type { Answer, CallMetadata, CallRequest, Protocol as ProtocolName } from '../ports/call.ts';
import type { Exchange } from './exchange.ts';
import type { OneRequest } from './one-request.ts';

/** How one protocol writes an answer. Its states: nothing sent; a stream opened; ended. */
export type Reply = {
  /** The whole answer of a unary method or client stream. @throws what keeps it from being written in this form; nothing has been sent then */
  one(plan: MethodPlan, answer: Answer, body: Uint8Array): void;
  /** Begins a stream of answers. */
  open(metadata: CallMetadata): void;
  /** @returns false when the client should be given time to read: the exchange's output says "drain" then */
  message(plan: MethodPlan, bytes: Uint8Array): boolean;
  close(trailers: CallMetadata): void;
  /** Ends a call with an error, whatever was sent before. */
  fail(status: StatusError): void;
};

/** One protocol in one of its forms, as the content type of a request names it. */
export type Protocol = {
  readonly name: ProtocolName;
  /** Whether it can carry calls of this kind. */
  carries(kind: MethodPlan['kind']): boolean;
  reply(exchange: Exchange): Reply;
  request(exchange: Exchange, plan: MethodPlan): CallRequest | OneRequest;
};

export function takesStream({ kind }: Pick<MethodPlan, 'kind'>): boolean {
  return kind === 'client_stream' || kind === 'bidi_stream';
}
