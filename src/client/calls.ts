import { LRUCache } from 'lru-cache';
import { backoffMs } from '../core/kit/backoff.ts';
import type { Clock } from '../core/kit/clock.ts';
import { never } from '../core/kit/ending.ts';
import { pause } from '../core/kit/until-called.ts';
import { asCallError, CallError } from './call-error.ts';
import type { Session } from './session.ts';
import type { Answer, ClientTransport, Headers } from './transport.ts';

/** A unary method as ts-proto generates it. */
export type UnaryMethod<Request, Response> = {
  readonly name: string;
  readonly requestType: { encode(message: Request): { finish(): Uint8Array } };
  readonly responseType: { decode(bytes: Uint8Array): Response };
  readonly options: { readonly idempotencyLevel?: string };
};
/** A service as ts-proto generates it. */
export type Service = { readonly fullName: string; readonly methods: Readonly<Record<string, unknown>> };
export type RequestOf<M> = M extends UnaryMethod<infer Request, infer _> ? Request : never;
export type ResponseOf<M> = M extends UnaryMethod<infer _, infer Response> ? Response : never;

export type Calls = {
  /**
   * Calls a unary method: `await calls.call(HomeServiceDefinition, 'getHome', {})`. Reads are sent with the etag of the
   * answer that is known, and retried.
   * @param options.idempotencyKey makes a write safe to repeat, where the internal service knows it
   * @throws CallError
   */
  call<S extends Service, M extends keyof S['methods'] & string>(
    service: S,
    method: M,
    request: RequestOf<S['methods'][M]>,
    options?: { readonly signal?: AbortSignal; readonly idempotencyKey?: string },
  ): Promise<ResponseOf<S['methods'][M]>>;
  /** The same with bytes, once: without etag and retry, with a new token if the first is refused. */
  once(path: string, request: Uint8Array, headers: Headers, signal?: AbortSignal): Promise<Answer>;
  /**
   * Runs what needs a token, and runs it once more with a new one if the first is refused.
   * @param send rejects with CallError
   * @throws CallError CANCELLED when `signal` is aborted, or the session has ended
   */
  authorized<T>(send: (headers: Headers, signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Forgets all answers, and ends the calls under way: another user must neither see them nor send them. */
  clear(): void;
};

type CallsParts = {
  readonly transport: ClientTransport;
  readonly session: Session;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Sent with each call, such as accept-language, app-platform and app-version. */
  readonly headers: Headers;
};

const timeoutMs = 15_000;
const tries = 3;
/** Answers that are kept for their etags. */
const answersMax = 50;
/** Varied by a fifth. */
const backoff = { firstMs: 1_000, factor: 2, mostMs: 4_000, least: 0.8, spread: 0.4 };

export function openCalls({ transport, session, clock, random, headers: common }: CallsParts): Calls {
  const answers = new LRUCache<string, { readonly etag: string; readonly message: Uint8Array }>({ max: answersMax });

  /** Of the calls of one user. */
  let cleared = new AbortController();
  const ended = (signal: AbortSignal | undefined) => (signal === undefined ? cleared.signal : AbortSignal.any([cleared.signal, signal]));

  const authorized: Calls['authorized'] = async (send, given) => {
    const signal = ended(given);
    const by = (token: string) => {
      signal.throwIfAborted();
      return send({ ...common, authorization: `Bearer ${token}` }, signal);
    };
    try {
      const token = await session.accessToken();
      try {
        return await by(token);
      } catch (error) {
        if (signal.aborted || !asCallError(error).reason.startsWith('TOKEN_')) throw error;
        return await by(await session.renew(token));
      }
    } catch (error) {
      if (signal.aborted) throw new CallError('CANCELLED', 'The call was cancelled, or its session has ended.', [], error);
      throw error;
    }
  };
  const once: Calls['once'] = (path, request, more, given) =>
    authorized((headers, signal) => transport.unary(path, request, { headers: { ...headers, ...more }, timeoutMs, signal }), given);
  const insist = async (send: () => Promise<Answer>, signal: AbortSignal | undefined): Promise<Answer> => {
    for (let failures = 1; ; failures++) {
      try {
        return await send();
      } catch (error) {
        const failed = asCallError(error);
        if (failures >= tries || signal?.aborted || !isTemporary(failed)) throw error;
        await pause(clock, retryMs(failed, failures, random), signal ?? never);
      }
    }
  };
  /** Sends the etag of the answer that is known, and gives that answer if it is still the current one. */
  const conditional = async (path: string, request: Uint8Array, signal: AbortSignal | undefined): Promise<Uint8Array> => {
    const key = `${path} ${request.join()}`;
    const known = answers.get(key);
    const { message, headers } = await once(path, request, known === undefined ? {} : { 'if-none-match': known.etag }, signal);
    const answer = headers['portico-not-modified'] === '1' && known !== undefined ? known : { etag: headers.etag ?? '', message };
    if (signal?.aborted) throw new CallError('CANCELLED', 'The call was cancelled, or its session has ended.');
    if (answer.etag === '') answers.delete(key);
    else answers.set(key, answer);
    return answer.message;
  };
  return {
    once,
    authorized,
    clear: () => {
      cleared.abort();
      cleared = new AbortController();
      answers.clear();
    },
    call: async (service, name, request, { signal: given, idempotencyKey } = {}) => {
      const signal = ended(given); // of its retries, too
      const method = service.methods[name] as UnaryMethod<typeof request, never>;
      const path = `${service.fullName}/${method.name}`;
      const bytes = method.requestType.encode(request).finish();
      const level = method.options.idempotencyLevel;
      const headers: Headers = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };
      const send = async (): Promise<Answer> =>
        level === 'NO_SIDE_EFFECTS' ? { message: await conditional(path, bytes, signal), headers: {} } : once(path, bytes, headers, signal);
      const isRepeatable = level !== undefined || idempotencyKey !== undefined;
      const { message } = isRepeatable ? await insist(send, signal) : await send();
      return method.responseType.decode(message);
    },
  };
}

/** Whether the same call may succeed later: docs/mobile/errors-and-retries.md. */
export function isTemporary({ code, retryAfterMs }: Pick<CallError, 'code' | 'retryAfterMs'>): boolean {
  return code === 'UNAVAILABLE' || code === 'DEADLINE_EXCEEDED' || retryAfterMs !== undefined;
}

/** After DRAINING at once, on the new connection. Milliseconds. */
function retryMs({ reason, retryAfterMs = 0 }: CallError, failures: number, random: () => number): number {
  if (reason === 'DRAINING' && failures === 1) return retryAfterMs;
  return Math.max(retryAfterMs, Math.floor(backoffMs(backoff, failures, random)));
}
