import { Metadata } from 'nice-grpc-common';
import { type EraseUserRequest, type EraseUserResponse, ExportUserRequest, ExportUserResponse } from '../../../gen/portico/internal/v1/publisher.ts';
import { readRequest } from '../../kit/ts-proto.ts';
import type { Handler, ReadyCall } from '../../ports/call.ts';
import type { ErasureReport, UserDataPart } from '../../ports/user-data.ts';
import type { Erasing } from './erase-users.ts';

/** How long a call waits for the end of an erasure. Milliseconds. */
const waitMs = 5_000;

/** See EraseUser in the .proto. */
export function eraseUserBy({ erase }: Pick<Erasing, 'erase'>): (request: EraseUserRequest, call: ReadyCall) => Promise<Partial<EraseUserResponse>> {
  return async ({ userId, requestId }, { signal }) => reportOut(await erase(userId, { requestId, waitMs, signal }));
}

function reportOut({ acceptedAtMs, doneAtMs, parts }: ErasureReport): Partial<EraseUserResponse> {
  return {
    acceptedAt: new Date(acceptedAtMs),
    doneAt: doneAtMs === undefined ? undefined : new Date(doneAtMs),
    erased: Object.entries(parts).flatMap(([part, counts]) => Object.entries(counts).map(([kind, count]) => ({ part, kind, count: BigInt(count) }))),
  };
}

/** See ExportUser in the .proto. */
export function exportUserBy(parts: readonly UserDataPart[]): Handler {
  return ({ requestBytes, signal }) => {
    const { userId } = readRequest(ExportUserRequest, requestBytes);
    return { metadata: Metadata(), body: messagesOf(parts, userId, signal), trailers: Metadata() };
  };
}

async function* messagesOf(parts: readonly UserDataPart[], userId: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
  for (const { name, export: exports } of parts)
    for await (const { kind, data } of exports(userId, signal))
      yield ExportUserResponse.encode({ part: name, kind, json: JSON.stringify(data) }).finish();
}
