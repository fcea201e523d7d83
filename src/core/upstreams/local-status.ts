import { status as grpcStatus } from '@grpc/grpc-js';
import { Fault } from '../kit/fault.ts';
import { StatusError } from '../kit/status-error.ts';
import { faultOfUpstream, type Prepared } from './upstreams.ts';

/**
 * grpc-js's own words (1.14) for a call that no upstream ended: they name addresses, sockets and parsers, so they never leave the house. A status that was received has the same
 * shape, and grpc-js does not say which it is; an upstream that speaks like this itself loses nothing but the words.
 */
const words = [
  'No connection established',
  'Connection dropped',
  'Subchannel not ready',
  'Channel closed',
  'The name .* cannot be resolved',
  'Name resolution failed',
  'Deadline exceeded',
  'Received HTTP status code',
  'Received RST_STREAM',
  'Received message (larger|that decompresses)',
  'Bandwidth exhausted or memory',
  'Protocol not secure enough',
  'Call cancelled',
  'Cancelled ',
  'No message received',
  'No status information received',
  'Too many responses received',
  'Response message parsing',
  'Failed to (start HTTP/2|decompress|parse)',
  'Write (error:|failed with)',
  'Invalid status from control plane',
  '(read|write|connect) E',
  '[^ ]*(ECONN|EHOST|ENET|EPIPE|ETIMEDOUT)',
];
const local = new RegExp(`^(\\w+: )?(${words.join('|')})`, 's'); // load balancers put their name in front

/** Whether our own library made the status, not the upstream. */
export function isLocal(error: StatusError): boolean {
  return !error.trailers.has('grpc-status-details-bin') && local.test(error.message);
}

/**
 * What a forwarded call ends with: a status that the upstream sent passes as it is; one that our own library made becomes a refusal of ours.
 * @param limit whose deadline the call had
 */
export function passedOn(upstream: string, error: unknown, signal: AbortSignal, limit: Prepared['limit']): unknown {
  if (signal.aborted) return signal.reason;
  if (!(error instanceof StatusError) || !isLocal(error)) return error;
  // Our own timer of the same deadline is about to fire: whichever is first, the client hears the same.
  if (error.code === grpcStatus.DEADLINE_EXCEEDED && limit === 'call')
    return new Fault('DEADLINE_EXCEEDED', 'The call was not answered in time.', { cause: error });
  return faultOfUpstream(upstream, error);
}
