import { Metadata } from 'nice-grpc-common';
import type { CachePlan } from '../../kit/method-plan.ts';
import type { Authenticated, Call, Caller, Decoded, Peer, ReadyCall, UserCaller } from '../../ports/call.ts';
import { type LanguageOf, varyValue } from './vary.ts';

/** What a computation may see of a call: exactly what its key contains. */
export type Inputs = Pick<Call, 'metadata' | 'peer' | 'authority' | 'protocol'> & Authenticated;

/** An answer is for many clients: it may not depend on where one of them is. */
const nobody: Peer = { address: '', port: 0, certificateNames: [] };
const none: ReadonlySet<string> = new Set();

/**
 * Strips a call of everything that is not in its cache key (an answer that depends on more is another caller's answer
 * for the next one). Scopes are stripped, too: that the caller may call is checked before, for each call, also for
 * hits.
 */
export function inputsOf(call: ReadyCall, cache: CachePlan, language: LanguageOf): Inputs {
  const metadata = Metadata();
  for (const key of cache.vary) {
    const values = varyValue(call, key, language);
    if (values.length > 0) metadata.set(key, values);
  }
  return { metadata, caller: callerOf(call.caller, cache), lifetime: undefined, peer: nobody, authority: '', protocol: 'grpc' };
}

/**
 * The caller as a computation of this scope may know them: nobody, a user by issuer and `sub`, or someone with the
 * named claims.
 */
export function callerOf(caller: Caller | undefined, { scope, claims }: CachePlan): UserCaller | undefined {
  if (scope === 'shared' || caller?.kind !== 'user') return undefined;
  const { issuer } = caller;
  const named = new Map<string, string>();
  for (const name of scope === 'user' ? ['sub'] : claims) {
    const value = claimOf(caller, name);
    if (value !== undefined) named.set(name, value);
  }
  return { kind: 'user', issuer, userId: named.get('sub'), sessionId: undefined, scopes: none, claims: named };
}

/** A claim by its name; `sub` is the user. */
export function claimOf(caller: UserCaller, name: string): string | undefined {
  return name === 'sub' ? caller.userId : caller.claims.get(name);
}

/** The decoded request of a call with one request. */
export function decodedOf(call: ReadyCall): NonNullable<Decoded['decoded']> {
  if (call.decoded === undefined) throw new Error(`${call.plan.method} is cached, but its request was not decoded.`);
  return call.decoded;
}
