import type { IncomingMessage } from 'node:http';
import { clip } from '../core/kit/clip-text.ts';
import type { Switch } from '../core/ports/switch.ts';
import type { SendText } from './admin-listener.ts';

/** By name. */
export type Switches = Readonly<Record<string, Switch>>;

/** A maintenance text in all its languages. */
const bytesMax = 16_384;
const loopback: ReadonlySet<string | undefined> = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1']);

/**
 * GET answers the values as JSON. PUT changes the values that its JSON object names, all or none of them. A change
 * lasts until the process ends. Only a client on loopback may make one: `kubectl port-forward` comes from there, and
 * other pods do not.
 */
export function answerSwitches(request: IncomingMessage, switches: Switches, send: SendText): void {
  const values = () => send(200, `${JSON.stringify(Object.fromEntries(Object.entries(switches).map(([name, { read }]) => [name, read()])))}\n`, json);
  const refused = refusalOfChange(request);
  if (refused !== undefined) {
    send(...refused);
    return;
  }
  if (request.method !== 'PUT') {
    values();
    return;
  }
  readBody(request, (body) => {
    const problem = body === undefined ? bodyTooLarge : change(body, switches);
    if (problem === undefined) values();
    else send(400, `${problem}\n`);
  });
}

export const bodyTooLarge = `The body may have ${bytesMax} bytes.`;

/** @param onBody called once the whole of it is read; undefined: it is too large */
export function readBody(request: IncomingMessage, onBody: (body: string | undefined) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.byteLength;
    if (bytes <= bytesMax) chunks.push(chunk);
  });
  request.on('end', () => onBody(bytes > bytesMax ? undefined : Buffer.concat(chunks).toString()));
}

const json = 'application/json';

/** What a request is refused with, before its body is read. */
export function refusalOfChange({ method = '', socket, headers }: IncomingMessage): readonly [status: number, text: string] | undefined {
  if (method === 'GET' || method === 'HEAD') return undefined;
  if (method !== 'PUT') return [405, 'GET, HEAD and PUT are allowed.\n'];
  if (!loopback.has(socket.remoteAddress)) return [403, 'Switches are changed from the same machine or pod only.\n'];
  return headers['content-type'] === json ? undefined : [415, `The content-type must be ${json}.\n`];
}

/** @returns what is wrong; nothing is changed then */
function change(text: string, switches: Switches): string | undefined {
  let wanted: unknown;
  try {
    wanted = JSON.parse(text);
  } catch {
    return 'The body is not JSON.';
  }
  if (typeof wanted !== 'object' || wanted === null || Array.isArray(wanted)) return 'The body must be a JSON object of names and values.';
  const entries = Object.entries(wanted);
  for (const [name, value] of entries) {
    const found = Object.hasOwn(switches, name) ? switches[name] : undefined;
    if (found === undefined) return `There is no switch ${JSON.stringify(name)}. Here are: ${Object.keys(switches).join(', ')}.`;
    if (!found.allows(value)) return `${name}: ${clip(JSON.stringify(value), 200)} is not allowed. Write ${found.allowed}.`;
  }
  for (const [name, value] of entries) switches[name]?.change(value);
  return undefined;
}
