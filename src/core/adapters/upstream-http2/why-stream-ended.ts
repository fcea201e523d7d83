import { constants } from 'node:http2';
import type { TransportCause, TransportEnd } from '../../ports/upstream-transport.ts';
import type { Session } from './http2-session.ts';
import type { ResponseHeaders } from './response-headers.ts';

/** An end that this side causes. */
export function madeHere(cause: TransportCause, detail: string, processed: TransportEnd['processed'] = 'maybe'): TransportEnd {
  return { by: 'transport', cause, detail, processed };
}

/** An answer that is not gRPC: from a proxy, or from a wrong port. */
export function notGrpc(headers: ResponseHeaders): TransportEnd {
  const httpStatus = headers[':status'] ?? 0;
  const type = headers['content-type'] ?? 'no content type';
  return {
    ...madeHere(httpStatus === 200 ? 'protocol' : 'http', `It was answered with HTTP ${httpStatus} and ${type}, which is no gRPC.`),
    httpStatus,
  };
}

/**
 * Why a stream closed without a status: who closed it, and whether an application may have seen the call. None has when
 * the stream was refused (RFC 9113, 8.7), or when its id is above the last one that a GOAWAY accepted (6.8).
 * @param rstCode of RST_STREAM, in either direction
 * @param id undefined: it was never sent
 */
export function endOfClosed(session: Session, rstCode: number, id: number | undefined): TransportEnd {
  const unseen =
    id === undefined || rstCode === constants.NGHTTP2_REFUSED_STREAM || (session.lastStreamId !== undefined && id > session.lastStreamId);
  const processed = unseen ? 'no' : 'maybe';
  if (session.broken !== undefined || session.http2.destroyed) return madeHere('lost', session.broken ?? 'The connection was lost.', processed);
  if (rstCode === constants.NGHTTP2_NO_ERROR) return madeHere('protocol', 'The stream ended without a status.');
  return madeHere(unseen ? 'lost' : 'reset', `The stream was reset with code ${rstCode}.`, processed);
}
