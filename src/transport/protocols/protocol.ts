import type { MethodPlan } from '../../core/kit/method-plan.ts';
import type { StatusError } from '../../core/kit/status-error.ts';
import type { Answer, CallMetadata, CallRequest, Protocol as ProtocolName } from '../../core/ports/call.ts';
import type { Exchange } from '../exchange.ts';
import type { OneRequest } from './unary-request.ts';

/** How one protocol writes an answer. Its states: nothing sent; a stream opened; ended. */
export type Reply = {
  /**
   * The whole answer of a unary method or client stream.
   * @throws Error when it cannot be written in this form; then nothing has been sent
   */
  one(plan: MethodPlan, answer: Answer, body: Uint8Array): void;
  /**
   * Begins a stream of answers.
   * @throws Error when its metadata cannot be written; then nothing has been sent
   */
  open(metadata: CallMetadata): void;
  /** @returns false when the client needs time to read: the exchange's output then emits "drain" */
  message(plan: MethodPlan, bytes: Uint8Array): boolean;
  close(trailers: CallMetadata): void;
  /**
   * Ends a call with an error, also after messages were sent.
   * @param status fits into `bytesMax`
   * @param bytesMax what a client may still get in headers, trailers and error: the budget less what was sent
   */
  fail(status: StatusError, bytesMax: number): void;
};

/** One form of a protocol, by the content type of a request. */
export type Protocol = {
  readonly name: ProtocolName;
  /** Whether it can carry calls of this kind. */
  carries(kind: MethodPlan['kind']): boolean;
  reply(exchange: Exchange): Reply;
  request(exchange: Exchange, plan: MethodPlan): CallRequest | OneRequest;
};

/** The protocol of a request. */
export type Spoken = {
  /** The protocol, or the one for the error if the request has none. */
  readonly protocol: Protocol;
  /** Why the call is refused before its method is looked up: its content type, or its verb. */
  readonly refused: 'content type' | 'verb' | undefined;
  /** The path of the method, where it is not that of the request. */
  readonly path?: string;
};

export function takesStream({ kind }: Pick<MethodPlan, 'kind'>): boolean {
  return kind === 'client_stream' || kind === 'bidi_stream';
}
