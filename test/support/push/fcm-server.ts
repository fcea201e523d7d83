// A server that answers as Google documents for FCM's HTTP v1 and for tokens of service accounts. HTTP, on a free port.
import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jwtVerify } from 'jose';

// biome-ignore lint/suspicious/noExplicitAny: messages, which the tests look into
export type FcmMessage = any;
/** What it answers. A function does anything else to the response. */
export type FcmAnswer =
  | {
      readonly status: number;
      /** google.rpc.Code of the error. */
      readonly code?: string;
      /** FCM's own code, among the details. */
      readonly own?: string;
      readonly message?: string;
      /** The details name a field of the request. */
      readonly field?: string;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  | ((response: ServerResponse) => void);

export type FcmServer = AsyncDisposable & {
  readonly url: string;
  /** The key file of its service account. */
  readonly account: string;
  readonly received: readonly FcmMessage[];
  readonly accepted: readonly FcmMessage[];
  /** Access tokens that were given. */
  tokens(): number;
  answer(...answers: readonly FcmAnswer[]): void;
  answerBy(answer: (message: FcmMessage) => FcmAnswer): void;
  /** What the server of access tokens answers to the next ones, and then a token. */
  answerTokens(...answers: readonly FcmAnswer[]): void;
  /** No access token given so far is valid any more. */
  forgetTokens(): void;
  close(): Promise<void>;
};

const projectId = 'example-project';
const email = 'push@example-project.iam.gserviceaccount.com';
const scope = 'https://www.googleapis.com/auth/firebase.messaging';

export async function openFcmServer(): Promise<FcmServer> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const received: FcmMessage[] = [];
  const accepted: FcmMessage[] = [];
  const valid = new Set<string>();
  let given = 0;
  let queue: FcmAnswer[] = [];
  let tokenQueue: FcmAnswer[] = [];
  let by: ((message: FcmMessage) => FcmAnswer) | undefined;

  const answerToken = async (body: string, response: ServerResponse) => {
    const answer = tokenQueue.shift();
    if (answer !== undefined) return give(response, answer);
    const form = new URLSearchParams(body);
    if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer')
      return give(response, { status: 400, body: '{"error":"unsupported_grant_type"}' });
    try {
      await checkAssertion(form.get('assertion') ?? '', publicKey, `${url()}/token`);
    } catch {
      return give(response, { status: 400, body: '{"error":"invalid_grant"}' });
    }
    given++;
    const token = `ya29.${randomUUID()}`;
    valid.add(token);
    give(response, { status: 200, body: JSON.stringify({ access_token: token, expires_in: 3_599, token_type: 'Bearer' }) });
  };
  const answerSend = (headers: IncomingMessage['headers'], body: string, response: ServerResponse) => {
    const bearer = /^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
    if (!valid.has(bearer))
      return give(response, { status: 401, code: 'UNAUTHENTICATED', message: 'Request had invalid authentication credentials.' });
    const { message } = JSON.parse(body) as FcmMessage;
    const field = wrongField(message);
    if (field !== undefined) return give(response, { status: 400, code: 'INVALID_ARGUMENT', field, message: `Invalid value at '${field}'` });
    received.push(message);
    const answer = by?.(message) ?? queue.shift() ?? { status: 200 };
    if (typeof answer === 'function') return answer(response);
    if (answer.status === 200) accepted.push(message);
    give(response, answer);
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    if (request.method === 'POST' && request.url === '/token') return answerToken(body, response);
    if (request.method === 'POST' && request.url === `/v1/projects/${projectId}/messages:send`) return answerSend(request.headers, body, response);
    give(response, { status: 404, code: 'NOT_FOUND' });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return {
    url: url(),
    account: JSON.stringify({
      type: 'service_account',
      project_id: projectId,
      private_key_id: 'k1',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      client_email: email,
      token_uri: `${url()}/token`,
    }),
    received,
    accepted,
    tokens: () => given,
    answer: (...answers) => {
      by = undefined;
      queue = [...answers];
    },
    answerBy: (answer) => {
      by = answer;
    },
    answerTokens: (...answers) => {
      tokenQueue = [...answers];
    },
    forgetTokens: () => valid.clear(),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function checkAssertion(assertion: string, key: KeyObject, audience: string): Promise<void> {
  const { payload } = await jwtVerify(assertion, key, { issuer: email, audience, algorithms: ['RS256'], maxTokenAge: '1h' });
  if (payload.scope !== scope || (payload.exp ?? 0) - (payload.iat ?? 0) > 3_600) throw new Error('The assertion is refused.');
}

/** The field of a message that breaks a rule of FCM's reference. Data are texts, and an app would not be woken by a notification. */
function wrongField(message: FcmMessage): string | undefined {
  if (typeof message?.token !== 'string') return 'message.token';
  if (message.notification !== undefined || message.android?.notification !== undefined) return 'message.notification';
  const data: [string, unknown][] = Object.entries(message.data ?? {});
  const reserved = /^(from|message_type|notification|google.*|gcm.*)$/;
  const bad = data.find(([name, value]) => typeof value !== 'string' || reserved.test(name));
  if (bad !== undefined) return `message.data[${bad[0]}]`;
  // an Apple device is sent the data beside the payload
  if (Buffer.byteLength(JSON.stringify({ ...message.data, ...message.apns?.payload })) > 4_096) return 'message.data';
  if (!['NORMAL', 'HIGH'].includes(message.android?.priority)) return 'message.android.priority';
  if (!/^\d+s$/.test(message.android?.ttl)) return 'message.android.ttl';
  return undefined;
}

function give(response: ServerResponse, answer: FcmAnswer): void {
  if (typeof answer === 'function') {
    answer(response);
    return;
  }
  const { status, code, own, message = '', field, headers = {}, body } = answer;
  const details = [
    ...(own === undefined ? [] : [{ '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode: own }]),
    ...(field === undefined ? [] : [{ '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [{ field }] }]),
  ];
  const error = JSON.stringify({ error: { code: status, message, status: code, details } });
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(body ?? (status === 200 ? JSON.stringify({ name: `projects/${projectId}/messages/${randomUUID()}` }) : error));
}
