import { CallError } from '../../src/client/call-error.ts';
import { ErrorInfo, RetryInfo } from '../../src/gen/google/rpc/error_details.ts';

/** A failure as the server states it. @param retryS how long it asks to wait */
export function failure(code: string, reason: string, retryS?: number, metadata: Readonly<Record<string, string>> = {}): CallError {
  const info = {
    typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo',
    value: ErrorInfo.encode({ reason, domain: 'portico', metadata: new Map(Object.entries(metadata)) }).finish(),
  };
  const retry =
    retryS === undefined
      ? []
      : [
          {
            typeUrl: 'type.googleapis.com/google.rpc.RetryInfo',
            value: RetryInfo.encode(RetryInfo.fromPartial({ retryDelay: { seconds: BigInt(retryS), nanos: 0 } })).finish(),
          },
        ];
  return new CallError(code, reason, [info, ...retry]);
}
