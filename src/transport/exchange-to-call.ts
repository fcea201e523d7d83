import type { CoreReason } from '../core/kit/reasons.ts';
import type { Exchange } from './exchange.ts';
import { fitStatus } from './fit-error-into-headers.ts';
import { authorityOf } from './incoming-metadata.ts';
import type { Spoken } from './protocols/protocol.ts';
import { asFault, contentTypeUnknown, http2Needed, methodUnknown, verbWrong } from './routing-faults.ts';
import { type EdgeParts, RunningCall, type Served } from './running-call.ts';

/**
 * Answers one exchange of any protocol as a call.
 * @param handled called once, when the handler of the call has ended, which may be long after the client has
 * disconnected
 */
export type Edge = (exchange: Exchange, handled: () => void) => void;

/**
 * The one path from HTTP to `answer`: headers, then the call, then bytes. It contains everything that protocols share.
 */
export function openEdge(parts: EdgeParts): Edge {
  const { refusal, reportDefect } = parts;
  const refuse = (exchange: Exchange, error: unknown) => {
    const fault = asFault(error, reportDefect);
    exchange.report(fault.reason.toLowerCase() as Lowercase<CoreReason>);
    return fitStatus(refusal(fault, String(exchange.headers['accept-language'] ?? '')), exchange.statusBytesMax);
  };
  return (exchange, handled) => {
    const { protocol, refused, path = exchange.path } = parts.protocolOf(exchange);
    const reply = protocol.reply(exchange);
    try {
      const authority = authorityOf(exchange.headers); // without a valid host there is no path
      const { plan, answer } = methodOf(exchange, parts, { protocol, refused, path });
      new RunningCall(exchange, { plan, protocol, reply, authority, handled }, parts).run(answer);
    } catch (error) {
      reply.fail(refuse(exchange, error), exchange.statusBytesMax);
      handled();
    }
  };
}

/** @throws Fault when the method is unknown, or cannot be called in this way */
function methodOf(exchange: Exchange, { served }: EdgeParts, { protocol, refused, path }: Required<Spoken>): Served {
  const found = served.get(path);
  if (found === undefined) throw methodUnknown(path);
  const { kind, safe } = found.plan;
  if (refused === 'verb' || (exchange.method === 'GET' && !safe)) throw verbWrong(exchange.method);
  if (refused === 'content type' || !protocol.carries(kind)) throw contentTypeUnknown(exchange.headers['content-type'], kind);
  if (exchange.version === 1 && (kind === 'bidi_stream' || protocol.name === 'grpc')) throw http2Needed();
  return found;
}
