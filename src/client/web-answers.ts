import { Code, ConnectError } from '@connectrpc/connect';
import { errorFromJson } from '@connectrpc/connect/protocol-connect';
import { CallError } from './call-error.ts';

/** An answer that is an error, in the form of Connect. */
export function errorOf(text: string, httpStatus: number): CallError {
  const fallback = new ConnectError(`HTTP status ${httpStatus}`, httpStatus === 401 ? Code.Unauthenticated : Code.Unavailable);
  try {
    return ofConnect(errorFromJson(JSON.parse(text), undefined, fallback));
  } catch (error) {
    return ofConnect(error instanceof ConnectError ? error : fallback);
  }
}

export function ofConnect(error: ConnectError): CallError {
  const code = (Code[error.code] ?? 'Unknown').replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();
  const details = error.details.flatMap((detail) => ('type' in detail && 'value' in detail ? [{ typeUrl: detail.type, value: detail.value }] : []));
  return new CallError(code, error.rawMessage, details, error);
}

/** Not every browser can iterate a stream. */
export async function* eachOf<T>(stream: ReadableStream<T>): AsyncGenerator<T> {
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    reader.releaseLock();
  }
}

/** What became of a request that no server has answered. */
export function unanswered(what: string): (error: unknown) => never {
  return (error) => {
    throw new CallError('UNAVAILABLE', `${what}: ${error instanceof Error ? error.message : error}`, [], error);
  };
}

/** A reader that fails lost its connection. */
export function cut(error: unknown): CallError {
  return error instanceof CallError ? error : new CallError('UNAVAILABLE', 'The stream was cut.', [], error);
}
