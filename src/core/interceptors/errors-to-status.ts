import { Metadata } from 'nice-grpc-common';
import { Fault } from '../kit/fault.ts';
import { settled } from '../kit/soon.ts';
import { StatusError } from '../kit/status-error.ts';
import type { Answer, Call, Ending, Interceptor, Traced } from '../ports/call.ts';
import type { Log } from '../ports/log.ts';
import { encodeFault } from './error-details.ts';
import type { ErrorTable } from './localized-error-table.ts';
import { tapped } from './tap-messages.ts';

/**
 * Converts every error, thrown or not, to a gRPC status with google.rpc details, which is not thrown. A status that an
 * upstream sent to a forwarded call passes unchanged.
 */
export function errors(table: ErrorTable, log: Log): Interceptor<Traced, unknown> {
  return function errors(call, next) {
    const toStatus = (error: unknown) => statusErrorOf(error, call, table, log);
    const mapped = (ending: Ending): Ending => (ending.how === 'threw' ? { how: 'threw', error: toStatus(ending.error) } : ending);
    return settled(
      () => next(call),
      (answer) => {
        if (answer.refused !== undefined) return refused(toStatus(answer.refused));
        return answer.body instanceof Uint8Array ? answer : { ...answer, body: tapped(answer.body, { ended: mapped }) };
      },
      (error) => refused(toStatus(error)),
    );
  };
}

/**
 * @returns the status of an error in a call. An error that is not meant for the app is logged in full and becomes
 * INTERNAL
 */
export function statusErrorOf(error: unknown, call: Pick<Call, 'signal' | 'metadata' | 'plan'> & Traced, table: ErrorTable, log: Log): StatusError {
  if (error instanceof StatusError) return error;
  const fault = error instanceof Fault ? error : faultOf(error, call.signal);
  if (fault.reason === 'INTERNAL') {
    log.error('A call failed by a defect.', { method: call.plan.method, trace_id: call.trace.traceId, error: fault.cause ?? fault });
  }
  return encodeFault(fault, { table, requestId: call.trace.traceId, acceptLanguage: String(call.metadata.get('accept-language') ?? '') });
}

/** The reason of an aborted signal replaces errors that it caused. Any other error is a defect of the server. */
function faultOf(error: unknown, signal: AbortSignal): Fault<string> {
  if (signal.aborted) {
    if (signal.reason instanceof Fault) return signal.reason;
    return new Fault('CALL_CANCELLED', 'The client cancelled the call.', { cause: error });
  }
  return new Fault('INTERNAL', 'The call failed by a defect of the server; its log has the cause under the request id.', { cause: error });
}

/** Of no answer, so nobody writes to it. */
const none = Metadata();
const noBytes = new Uint8Array(0);

/** The answer of a refused call. */
export function refused(error: NonNullable<Answer['refused']>): Answer {
  return { metadata: none, body: noBytes, trailers: none, refused: error };
}

/** The answer, for a reader to which errors are thrown. */
export function notRefused(answer: Answer): Answer {
  if (answer.refused !== undefined) throw answer.refused;
  return answer;
}
