import type { UniversalServerResponse } from '@connectrpc/connect/protocol';
import { Fault } from '../kit/fault.ts';
import type { MethodPlan } from '../kit/plan.ts';
import { connectError, type EncodeRefusal } from './refusal.ts';

/** Connect's router decodes a unary request before any code of ours runs, and answers what it cannot read without details: 400, or 500 for bytes. */
export function isUnreadable({ kind }: MethodPlan, { status, header }: UniversalServerResponse): boolean {
  return kind === 'unary' && (status === 400 || status === 500) && header?.get('content-type') === 'application/json';
}

/**
 * The same refusal in the form of every other error. The router's own text is not told, because it quotes values, and a value may be a secret. A refusal that has details
 * is one of ours and stays.
 */
export async function withDetails(
  { descriptor: { input } }: MethodPlan,
  response: UniversalServerResponse,
  refusal: EncodeRefusal,
  acceptLanguage: string,
): Promise<UniversalServerResponse> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body ?? []) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const { details } = JSON.parse(bytes.toString()) as { readonly details?: unknown };
  if (details !== undefined) return { ...response, body: only(bytes) };
  const fault = new Fault('CALL_MALFORMED', `The request is not a ${input.typeName}: it cannot be decoded.`, { metadata: { type: input.typeName } });
  const { status, body } = connectError(refusal(fault, acceptLanguage));
  response.header?.delete('content-length');
  return { ...response, status, body: only(Buffer.from(body)) };
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
