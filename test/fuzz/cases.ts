// Calls that are nearly right: each is made of a whole one, of which one part or several are not what they should be.
import { gzipSync } from 'node:zlib';
import { framed } from '../support/upstream/raw-upstream.ts';
import type { Chance } from './chance.ts';

/** What a request is answered in: decided by its content type. */
export type Form = 'grpc' | 'grpc-web' | 'grpc-web-text' | 'connect-unary' | 'connect-stream';
export type Case = {
  readonly version: 'h1' | 'h2';
  readonly method: string;
  readonly path: string;
  /** A name may stand twice. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Written one by one. */
  readonly pieces: readonly Buffer[];
  /** `leave`: the stream is reset, or the connection cut, before the request is whole. */
  readonly end: 'end' | 'leave';
  /** Undefined: nobody can say what it has to be answered in. */
  readonly form: Form | undefined;
};

type Target = { readonly path: string; readonly kind: 'unary' | 'server' | 'client' | 'bidi'; readonly json: object; readonly proto: Buffer };
const text = (field: number, value: string) => Buffer.concat([Buffer.from([field * 8 + 2, value.length]), Buffer.from(value)]);
const number = (field: number, value: number) => Buffer.from([field * 8, value]);
const scripted = { json: { text: 'a', count: 2 }, proto: Buffer.concat([text(1, 'a'), number(2, 2)]) };
const failing = {
  json: { text: 'a', count: 2, failCode: 9, failAfter: 1 },
  proto: Buffer.concat([text(1, 'a'), number(2, 2), number(4, 9), number(5, 1)]),
};
const forwarded = (['Unary', 'ServerStream', 'ClientStream', 'BidiStream'] as const).flatMap((name, i): Target[] => {
  const kind = (['unary', 'server', 'client', 'bidi'] as const)[i] ?? 'unary';
  return [scripted, failing].map((message) => ({ path: `/fixture.v1.ForwardService/${name}`, kind, ...message }));
});
export const targets: readonly Target[] = [
  ...forwarded,
  {
    path: '/fixture.v1.ScreenService/Echo',
    kind: 'unary',
    json: { text: 'a', labels: { k: 'v' } },
    proto: Buffer.concat([text(1, 'a'), text(4, '\n\u0001k\u0012\u0001v')]),
  },
  { path: '/fixture.v1.ScreenService/WhoAmI', kind: 'unary', json: {}, proto: Buffer.alloc(0) },
  { path: '/fixture.v1.ScreenService/GetItem', kind: 'unary', json: { itemId: 'a' }, proto: text(1, 'a') },
  { path: '/fixture.v1.ScreenService/StreamItem', kind: 'server', json: { itemId: 'a' }, proto: text(1, 'a') },
  { path: '/fixture.v1.ScreenService/ListItems', kind: 'unary', json: {}, proto: Buffer.alloc(0) },
];

const types: Readonly<Record<Form, readonly string[]>> = {
  grpc: ['application/grpc', 'application/grpc+proto'],
  'grpc-web': ['application/grpc-web', 'application/grpc-web+proto'],
  'grpc-web-text': ['application/grpc-web-text', 'application/grpc-web-text+proto'],
  'connect-unary': ['application/json', 'application/proto'],
  'connect-stream': ['application/connect+json', 'application/connect+proto'],
};
const odd = {
  methods: ['GET', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'post', 'QUERY'],
  paths: [
    '/',
    '//',
    '/*',
    '/fixture.v1.ScreenService',
    '/fixture.v1.ScreenService/',
    '/fixture.v1.ScreenService/echo',
    '/a.B/C?x=%',
    '/%00',
    '/..%2f',
    '/.well-known/jwks.json',
    '/fixture.v1.ScreenService/Echo?connect=v1&encoding=json&message=%7B%7D&base64=1&compression=gzip',
  ],
  types: [
    'application/grpc+json',
    'application/grpc+x',
    'application/grpcx',
    'application/connect+x',
    'text/plain',
    'application/json; charset=utf-16',
    'application/json;',
    '',
    'APPLICATION/GRPC',
    'multipart/form-data',
  ],
  values: [
    '',
    ' ',
    '1',
    '-1',
    '0S',
    '1n',
    '99999999H',
    '100000000S',
    '1e3m',
    '5m5',
    'S',
    '18446744073709551616m',
    'identity',
    'gzip',
    'gzip,gzip',
    'br',
    'deflate',
    'x'.repeat(200),
    '%',
    '%E0%A4%A',
    'AA==',
    'AA,,AA',
    '=',
    '*',
    '"a',
    'W/"a"',
    'trailers',
    'en;q=2, de;;',
    '00-0-0-00',
    '\u00ff\u00fe',
  ],
  names: [
    'grpc-timeout',
    'connect-timeout-ms',
    'grpc-encoding',
    'content-encoding',
    'connect-content-encoding',
    'grpc-accept-encoding',
    'accept-encoding',
    'connect-accept-encoding',
    'connect-protocol-version',
    'x-fixture',
    'x-fixture-bin',
    'accept-language',
    'if-none-match',
    'traceparent',
    'tracestate',
    'idempotency-key',
    'te',
    'cookie',
    'origin',
    'access-control-request-method',
    'expect',
    'range',
    'authorization',
    'content-length',
    'x_y',
    'a-bin',
    'x-user-agent',
    'grpc-status',
    'x-forwarded-for',
    'content-type',
  ],
} as const;

/** @param authorization of somebody who may call all methods */
export function caseOf(chance: Chance, authorization: string): Case {
  const target = chance.pick(targets);
  const stream = target.kind !== 'unary';
  const wanted = chance.pick(['grpc', 'grpc', 'grpc-web', 'grpc-web-text', stream ? 'connect-stream' : 'connect-unary'] as const);
  const version = wanted === 'grpc' || (target.kind === 'bidi' && chance.often(0.9)) ? 'h2' : chance.pick(['h1', 'h2'] as const);
  let form: Form | undefined = wanted;
  let contentType = chance.pick(types[wanted]);
  let [method, path] = ['POST', target.path];
  let body = bodyOf(chance, target, wanted, contentType);
  const headers: [string, string][] = [];
  if (chance.often(0.9))
    headers.push(['authorization', chance.often(0.85) ? authorization : chance.pick(['Bearer x', 'Bearer', `${authorization}=`, 'Basic eDp5', ''])]);
  if (wanted === 'grpc') headers.push(['te', 'trailers']);
  if (chance.often(0.1)) [method, form] = [chance.pick(odd.methods), undefined];
  if (chance.often(0.1)) [path, form] = [chance.often(0.5) ? chance.pick(odd.paths) : `${path}${chance.pick(['/', 'x', '?', '%', '#a'])}`, undefined];
  if (chance.often(0.1)) [contentType, form] = [chance.pick(odd.types), undefined];
  if (contentType !== '') headers.push(['content-type', contentType]);
  for (let i = chance.int(0, 2); i > 0; i--) {
    const name = chance.pick(odd.names);
    headers.push([name, chance.pick(odd.values)]);
    // what negotiates, or frames, the answer
    if (['content-length', 'content-type', 'expect', 'te', 'origin', 'access-control-request-method', 'if-none-match'].includes(name))
      form = undefined;
  }
  if (chance.often(0.4)) body = chance.mutated(body);
  if (version === 'h1' && target.kind === 'bidi') form = undefined; // refused by HTTP's own status
  const end = chance.often(0.1) ? 'leave' : 'end';
  const pieces = chance.pieces(body);
  return { version, method, path, headers, pieces: end === 'leave' ? pieces.slice(0, -1) : pieces, end, form: end === 'leave' ? undefined : form };
}

function bodyOf(chance: Chance, { kind, json, proto }: Target, form: Form, contentType: string): Buffer {
  const message = () => (contentType.endsWith('json') ? Buffer.from(JSON.stringify(json)) : proto);
  if (form === 'connect-unary') return chance.often(0.2) ? gzipSync(message()) : message();
  const count = kind === 'client' || kind === 'bidi' || chance.often(0.1) ? chance.int(0, 4) : 1;
  const frames = Array.from({ length: count }, () => {
    const frame = framed(chance.often(0.1) ? gzipSync(message()) : message());
    if (chance.often(0.15)) frame[0] = chance.pick([1, 2, 3, 4, 128, 129, 255]);
    if (chance.often(0.1)) frame.writeUInt32BE(chance.pick([0, 1, frame.length, 0x7fffffff, 0xffffffff]), 1);
    return frame;
  });
  const all = Buffer.concat(frames);
  return form === 'grpc-web-text' ? Buffer.from(all.toString('base64')) : all;
}
