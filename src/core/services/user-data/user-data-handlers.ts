import { Metadata } from 'nice-grpc-common';
import { type EraseUserRequest, type EraseUserResponse, ExportUserRequest, ExportUserResponse } from '../../../gen/portico/internal/v1/publisher.ts';
import { Fault } from '../../kit/fault.ts';
import { readRequest } from '../../kit/ts-proto.ts';
import type { Handler, ReadyCall } from '../../ports/call.ts';
import type { ErasureReport, UserDataPart } from '../../ports/user-data.ts';
import type { Erasing } from './erase-users.ts';

/** How long a call waits for the end of an erasure. Milliseconds. */
const waitMs = 5_000;

/** Names of the internal services that may export and erase. */
type Services = { readonly services: ReadonlySet<string> };

/** See EraseUser in the .proto. */
export function eraseUserBy(
  { erase }: Pick<Erasing, 'erase'>,
  { services }: Services,
): (request: EraseUserRequest, call: ReadyCall) => Promise<Partial<EraseUserResponse>> {
  return async ({ userId, requestId }, call) => {
    checkService(services, call);
    return reportOut(await erase(userId, { requestId, waitMs, signal: call.signal }));
  };
}

function reportOut({ acceptedAtMs, firstPassAtMs, doneAtMs, parts, again }: ErasureReport): Partial<EraseUserResponse> {
  const time = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms));
  const erased = [parts, again].flatMap((report, i) =>
    Object.entries(report).flatMap(([part, counts]) =>
      Object.entries(counts).map(([kind, count]) => ({ part, kind, count: BigInt(count), pass: i + 1 })),
    ),
  );
  return { acceptedAt: new Date(acceptedAtMs), firstPassAt: time(firstPassAtMs), doneAt: time(doneAtMs), erased };
}

/** See ExportUser in the .proto. */
export function exportUserBy(parts: readonly UserDataPart[], { services }: Services): Handler {
  return (call) => {
    checkService(services, call);
    const { userId } = readRequest(ExportUserRequest, call.requestBytes);
    return { metadata: Metadata(), body: messagesOf(parts, userId, call.signal), trailers: Metadata() };
  };
}

/** @throws Fault SERVICE_FORBIDDEN */
function checkService(services: ReadonlySet<string>, { caller }: ReadyCall): void {
  if (caller?.kind !== 'service' || !services.has(caller.name))
    throw new Fault('SERVICE_FORBIDDEN', 'This service may not do it: `privacy.services` of the settings has to name it.');
}

async function* messagesOf(parts: readonly UserDataPart[], userId: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
  for (const { name, export: exports } of parts)
    for await (const { kind, data } of exports(userId, signal))
      yield ExportUserResponse.encode({ part: name, kind, json: JSON.stringify(data) }).finish();
}
