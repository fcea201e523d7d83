import type { MethodDefinition, ServiceDefinition } from '../kit/typed.ts';
import { codeOf, faultOfUpstream } from '../upstreams/fault-of-upstream.ts';
import { standardKeys } from '../upstreams/metadata.ts';
import type { CallContext, Upstreams } from '../upstreams/upstreams.ts';
import type { AnswerReaders } from './answer-readers.ts';
import { UpstreamError } from './upstream-error.ts';

type AnyClient = Readonly<Record<string, (request: unknown) => Promise<unknown>>>;

/**
 * The upstreams of one call: bound to its signal, deadline, trace and identity. Equal calls (same method, same bytes) are made once.
 * @param services by the name of the upstream
 * @param readers of what they answer
 * @param tag is told what upstreams say that their answers are about
 */
export function clientsOf(
  { services, readers }: { readonly services: Readonly<Record<string, ServiceDefinition>>; readonly readers: AnswerReaders },
  upstreams: Upstreams,
  context: CallContext,
  tag: (tag: string) => void,
): Readonly<Record<string, AnyClient>> {
  const made = new Map<string, Promise<unknown>>();
  const clients: Record<string, AnyClient> = {};
  for (const name in services) {
    const service = services[name] as ServiceDefinition;
    const client: Record<string, (request: unknown) => Promise<unknown>> = {};
    for (const method in service.methods) {
      const definition = service.methods[method] as MethodDefinition;
      if (definition.requestStream || definition.responseStream) continue;
      const read = readers.get(definition);
      if (read === undefined) throw new Error(`There is no reader for the answers of ${service.fullName}/${definition.name}.`);
      client[method] = (request) => {
        const bytes = definition.requestType.encode(definition.requestType.fromPartial(request as never)).finish();
        const key = `${name} ${definition.name} ${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')}`;
        const known = made.get(key);
        if (known !== undefined) return known;
        const answer = send(name, `/${service.fullName}/${definition.name}`, read, bytes, upstreams, context, tag);
        made.set(key, answer);
        return answer;
      };
    }
    clients[name] = client;
  }
  return clients;
}

async function send(
  upstream: string,
  path: string,
  read: (bytes: Uint8Array) => unknown,
  request: Uint8Array,
  upstreams: Upstreams,
  context: CallContext,
  tag: (tag: string) => void,
): Promise<unknown> {
  const { end, body, tags } = await upstreams.unary(upstream, path, request, standardKeys, context);
  if (body === undefined) {
    const fault = faultOfUpstream(upstream, end);
    throw new UpstreamError(codeOf(end), end.by === 'upstream' && end.message !== '' ? end.message : fault.message, fault);
  }
  for (const one of tags) tag(one);
  try {
    return read(body);
  } catch (cause) {
    throw upstreams.garbage(upstream, path, context, cause);
  }
}
