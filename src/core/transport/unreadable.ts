import type { UniversalServerResponse } from '@connectrpc/connect/protocol';
import { traceIdKey } from '../interceptors/trace.ts';
import { Fault } from '../kit/fault.ts';
import type { MethodPlan } from '../kit/plan.ts';
import { connectError, type EncodeRefusal } from './refusal.ts';

/** Connect's router decodes a unary request before any code of ours runs, and answers what it cannot read without details: 400, or 500 for bytes. */
export function isUnreadable({ kind }: MethodPlan, { status, header }: UniversalServerResponse): boolean {
  if (kind !== 'unary' || (status !== 400 && status !== 500)) return false;
  // All that passed through `answer` tells its trace.
  return header?.get('content-type') === 'application/json' && !header.has(traceIdKey);
}

/** The same refusal in the form of every other error. The router's own text is not told, because it quotes values, and a value may be a secret. */
export function withDetails(
  { descriptor: { input } }: MethodPlan,
  response: UniversalServerResponse,
  refusal: EncodeRefusal,
  acceptLanguage: string,
): UniversalServerResponse {
  const fault = new Fault('CALL_MALFORMED', `The request is not a ${input.typeName}: it cannot be decoded.`, { metadata: { type: input.typeName } });
  const { status, body } = connectError(refusal(fault, acceptLanguage));
  for (const key of ['content-length', 'content-encoding']) response.header?.delete(key);
  return { ...response, status, body: only(Buffer.from(body)) };
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
