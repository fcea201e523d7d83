// What every error that the server makes has to look like, whatever protocol it came by. `callOf` holds each error it meets against it.
import assert from 'node:assert/strict';
import type { ConnectError } from '@connectrpc/connect';
import { reasons as coreReasons, type StatusName, statusCodes } from '../../../src/core/kit/reasons.ts';
import { BadRequest, ErrorInfo, LocalizedMessage, RequestInfo, RetryInfo } from '../../../src/gen/google/rpc/error_details.ts';

/** An app's own reasons with their status. */
export type OwnReasons = Readonly<Record<string, StatusName>>;

/** The details of an error, decoded; undefined where there is none. */
export type Details = {
  readonly info: ErrorInfo | undefined;
  readonly request: RequestInfo | undefined;
  readonly badRequest: BadRequest | undefined;
  readonly retry: RetryInfo | undefined;
  readonly localized: LocalizedMessage | undefined;
  /** Full type names, in their order. */
  readonly types: readonly string[];
};

/** @param details as they came over the wire: full type names and bytes */
export function decodeDetails(details: readonly { readonly type: string; readonly value: Uint8Array }[]): Details {
  const of = <T>(type: string, decode: (bytes: Uint8Array) => T) => {
    const found = details.find((detail) => detail.type === `google.rpc.${type}`);
    return found && decode(found.value);
  };
  return {
    info: of('ErrorInfo', ErrorInfo.decode),
    request: of('RequestInfo', RequestInfo.decode),
    badRequest: of('BadRequest', BadRequest.decode),
    retry: of('RetryInfo', RetryInfo.decode),
    localized: of('LocalizedMessage', LocalizedMessage.decode),
    types: details.map(({ type }) => type),
  };
}

export function detailsOf(error: ConnectError): Details {
  return decodeDetails(error.details.flatMap((detail) => ('type' in detail ? [detail] : [])));
}

/** Addresses, files and frames of a stack: what no client may ever read. */
const inner = /\b(?:127\.0\.0\.1|10\.\d+\.\d+\.\d+|localhost):\d|\[::1\]|\n\s+at |\.[jt]s:\d|node_modules|Exception|ECONN|ETIMEDOUT/;

/**
 * @param own reasons of the app beside core's
 * @throws AssertionError telling what is wrong with an error of the server
 */
export function assertConformance(code: number, message: string, details: Details, own: OwnReasons = {}): void {
  const { info, request, badRequest, localized, types } = details;
  const told = `status ${code} "${message}" with ${types.join(', ') || 'no details'}`;
  assert.ok(info, `no ErrorInfo: ${told}`);
  assert.equal(info.domain, 'portico', told);
  assert.match(info.reason, /^[A-Z][A-Z0-9_]{1,61}[A-Z0-9]$/, told);
  const status = { ...own, ...(coreReasons as OwnReasons) }[info.reason];
  assert.ok(status, `the reason ${info.reason} is in no table: ${told}`);
  assert.equal(code, statusCodes[status], `the reason ${info.reason} has another status: ${told}`);
  for (const key of info.metadata.keys()) assert.match(key, /^[a-z][a-zA-Z0-9-_]{0,63}$/, told);
  assert.match(request?.requestId ?? '', /^[0-9a-f]{32}$/, `no RequestInfo: ${told}`);
  assert.equal(new Set(types).size, types.length, `a detail stands there twice: ${told}`);
  if (localized !== undefined) assert.ok(localized.locale !== '' && localized.message !== '', told);
  assert.ok((badRequest?.fieldViolations.length ?? 0) <= 20, told);
  assert.notEqual(message, '', told);
  assert.doesNotMatch(
    JSON.stringify([message, [...info.metadata], localized?.message, badRequest]),
    inner,
    'an error tells what is inside the harness',
  );
}
