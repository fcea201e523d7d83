// A server that answers as Apple documents, and refuses what Apple would refuse. Cleartext HTTP/2, on a free port.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { jwtVerify } from 'jose';

export type Received = { readonly headers: IncomingHttpHeaders; readonly token: string; readonly payload: ApnsPayload };
// biome-ignore lint/suspicious/noExplicitAny: payloads, which the tests look into
export type ApnsPayload = any;
/** What it answers. A function does anything else to the stream. */
export type ApnsAnswer =
  | {
      readonly status: number;
      readonly reason?: string;
      readonly timestamp?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  | ((stream: ServerHttp2Stream, session: ServerHttp2Session) => void);

export type ApnsServer = AsyncDisposable & {
  readonly url: string;
  /** PEM of the key by which its tokens are signed. */
  readonly key: string;
  /** Everything that came and was well formed, whatever it was answered. */
  readonly received: readonly Received[];
  /** What was accepted. */
  readonly accepted: readonly Received[];
  readonly connections: () => number;
  /** What it answers to the next ones, one after the other, and then 200. */
  answer(...answers: readonly ApnsAnswer[]): void;
  /** What it answers to each, from now on. */
  answerBy(answer: (received: Received) => ApnsAnswer): void;
  close(): Promise<void>;
};

export const apnsIds = { teamId: 'TEAM123456', keyId: 'KEY1234567', topics: ['com.example.app', 'com.example.other'] } as const;

export async function openApnsServer(): Promise<ApnsServer> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const received: Received[] = [];
  const accepted: Received[] = [];
  const sessions = new Set<ServerHttp2Session>();
  let connections = 0;
  let queue: ApnsAnswer[] = [];
  let by: ((received: Received) => ApnsAnswer) | undefined;

  const server = createServer();
  server.on('session', (session) => {
    connections++;
    sessions.add(session);
    session.on('error', () => {});
    session.once('close', () => sessions.delete(session));
  });
  const give = (stream: ServerHttp2Stream, { status, reason, timestamp, headers = {}, body }: Exclude<ApnsAnswer, (...all: never) => void>) => {
    if (stream.destroyed) return;
    stream.respond({ ':status': status, ...headers });
    stream.end(body ?? (reason === undefined ? '' : JSON.stringify({ reason, ...(timestamp !== undefined && { timestamp }) })));
  };
  server.on('stream', async (stream, headers) => {
    stream.on('error', () => {});
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of stream) chunks.push(chunk as Buffer);
    } catch {
      return; // the client has taken it back
    }
    const wrong = await check(headers, Buffer.concat(chunks), publicKey);
    if (typeof wrong === 'string') return give(stream, { status: wrong === 'InvalidProviderToken' ? 403 : 400, reason: wrong });
    received.push(wrong);
    const answer = by?.(wrong) ?? queue.shift() ?? { status: 200 };
    if (typeof answer === 'function') return answer(stream, stream.session as ServerHttp2Session);
    if (answer.status === 200) accepted.push(wrong);
    give(stream, answer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  let closed = false;
  const close = async () => {
    if (closed) return;
    closed = true;
    for (const session of sessions) session.destroy();
    server.close();
    await once(server, 'close');
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    received,
    accepted,
    connections: () => connections,
    answer: (...answers) => {
      by = undefined;
      queue = [...answers];
    },
    answerBy: (answer) => {
      by = answer;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The rules of "Sending notification requests to APNs", and what it names what breaks them. */
async function check(headers: IncomingHttpHeaders, body: Buffer, publicKey: KeyObject): Promise<Received | string> {
  const [, token] = /^\/3\/device\/([0-9a-f]{64,})$/.exec(headers[':path'] ?? '') ?? [];
  if (token === undefined) return 'BadPath';
  if (headers[':method'] !== 'POST') return 'MethodNotAllowed';
  const bearer = /^bearer (\S+)$/.exec(headers.authorization ?? '')?.[1];
  if (bearer === undefined) return 'MissingProviderToken';
  try {
    const { protectedHeader } = await jwtVerify(bearer, publicKey, { issuer: apnsIds.teamId, algorithms: ['ES256'], maxTokenAge: '1h' });
    if (protectedHeader.kid !== apnsIds.keyId) return 'InvalidProviderToken';
  } catch {
    return 'InvalidProviderToken';
  }
  const one = (name: string) => (typeof headers[name] === 'string' ? (headers[name] as string) : '');
  const type = one('apns-push-type');
  if (!['alert', 'background'].includes(type)) return 'InvalidPushType';
  if (!['5', '10'].includes(one('apns-priority')) || (type === 'background' && one('apns-priority') !== '5')) return 'BadPriority';
  if (!/^\d{10}$/.test(one('apns-expiration'))) return 'BadExpirationDate';
  if (one('apns-topic') === '') return 'MissingTopic';
  if (!(apnsIds.topics as readonly string[]).includes(one('apns-topic'))) return 'DeviceTokenNotForTopic';
  if (one('apns-collapse-id') === '' || Buffer.byteLength(one('apns-collapse-id')) > 64) return 'BadCollapseId';
  if (body.length === 0) return 'PayloadEmpty';
  if (body.length > 4_096) return 'PayloadTooLarge';
  const payload = JSON.parse(body.toString('utf8'));
  const { aps } = payload;
  if (typeof aps !== 'object') return 'BadPayload';
  if (type === 'background' && (aps['content-available'] !== 1 || aps.alert !== undefined || aps.sound !== undefined || aps.badge !== undefined))
    return 'BadPayload';
  return { headers, token, payload };
}
