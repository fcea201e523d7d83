import { hash } from 'node:crypto';
import type { MethodPlan } from '../../kit/method-plan.ts';
import type { ReadyCall, UserCaller } from '../../ports/call.ts';
import { type LanguageOf, varyValue, varyValueMax } from './vary.ts';
import { claimOf, decodedOf } from './visible-inputs.ts';

/**
 * A longer key is kept by its SHA-256. Measured: text 0.2 µs, hash 0.9 µs for a usual key, and a hit does little else.
 * Characters.
 */
const plainKeyMax = 400;

/**
 * Requests of one method whose canonical form is cached, and the longest of them in bytes: at most about 2 MB for a
 * method.
 */
const rememberedMax = 2_000;
const rememberedBytesMax = 256;

export type Key = {
  /** Different for any two calls whose answers may differ. */
  readonly key: string;
  /**
   * The share of the stores in which the answer counts: that of the user whose call computed it, also for a shared
   * answer, so that one user's calls never remove the answers of others; that of the method without a user.
   */
  readonly scope: string;
};

/**
 * The key of a call: method and policy, scope, normalised vary metadata, canonical request; every part with its length
 * before it, so that no two lists of parts give one text.
 * @returns undefined when the call cannot be stored or joined: unknown fields of the request, over-long vary metadata,
 * no caller where one is needed
 */
export function keyOf({ method, fingerprint, cache }: MethodPlan, language: LanguageOf): (call: ReadyCall) => Key | undefined {
  if (cache === undefined) throw new Error(`${method} is not cached.`);
  const requestOf = canonicalRequest();
  const prefix = hash('sha256', part(method) + part(fingerprint), 'base64url');
  return (call) => {
    const request = requestOf(call);
    if (request === undefined) return undefined;
    const scope = cache.scope === 'shared' ? part(method) : scopeOf(call, cache);
    if (scope === undefined) return undefined;
    let key = prefix + scope;
    for (const name of cache.vary) {
      const value = textOf(varyValue(call, name, language));
      if (value !== undefined && value.length > varyValueMax) return undefined;
      key += optionalPart(value);
    }
    const whose = cache.scope === 'user' ? scope : call.caller?.kind === 'user' ? userOf(call.caller) : undefined;
    return { key: short(key + request), scope: short(whose ?? part(method)) };
  };
}

/**
 * The canonical request as text; undefined when it has unknown fields. Cached by the request's bytes: clients send the
 * same few thousand requests in the same bytes, and decoding, checking and encoding one costs more than all else of a
 * hit.
 */
function canonicalRequest(): (call: ReadyCall) => string | undefined {
  const remembered = new Map<string, string | undefined>();
  return (call) => {
    const raw = call.requestBytes.byteLength <= rememberedBytesMax ? bytesText(call.requestBytes) : undefined;
    if (raw !== undefined && remembered.has(raw)) return remembered.get(raw);
    const decoded = decodedOf(call);
    const canonical = decoded.hasUnknownFields ? undefined : bytesText(decoded.canonical);
    if (raw === undefined) return canonical;
    if (remembered.size >= rememberedMax) remembered.clear();
    remembered.set(raw, canonical);
    return canonical;
  };
}

function scopeOf(call: ReadyCall, cache: NonNullable<MethodPlan['cache']>): string | undefined {
  const { caller } = call;
  if (caller?.kind !== 'user') return undefined;
  if (cache.scope === 'user') return userOf(caller);
  // the issuer is part of it: tenant "1" of one issuer is not tenant "1" of another
  return `c${part(caller.issuer)}${cache.claims.map((name) => optionalPart(claimOf(caller, name))).join('')}`;
}

/** What a user's answers count as: `Key.scope`. */
export const scopeOfUser = (issuer: string, userId: string) => short(userOf({ issuer, userId }) ?? '');
const userOf = ({ issuer, userId }: Pick<UserCaller, 'issuer' | 'userId'>) => (userId === undefined ? undefined : `u${part(issuer)}${part(userId)}`);
const part = (text: string) => `${text.length}:${text}`;
/** Absent is another value than empty. */
const optionalPart = (text: string | undefined) => (text === undefined ? '-' : part(text));

function textOf(values: readonly (string | Uint8Array)[]): string | undefined {
  const [first] = values;
  if (first === undefined || (typeof first === 'string' && values.length === 1)) return first as string | undefined;
  return values.map((value) => part(typeof value === 'string' ? value : bytesText(value))).join('');
}

/** One character for each byte. */
function bytesText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** A hash begins with "#", which no prefix does. UTF-16, because UTF-8 makes one of all lone surrogates. */
function short(text: string): string {
  return text.length <= plainKeyMax ? text : `#${hash('sha256', Buffer.from(text, 'utf16le'), 'base64url')}`;
}
