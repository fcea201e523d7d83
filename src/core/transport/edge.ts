import type { Exchange } from './exchange.ts';
import { authorityOf } from './incoming.ts';
import type { Protocol } from './protocol.ts';
import type { Spoken } from './protocols.ts';
import { asFault, contentTypeUnknown, type EncodeRefusal, http2Needed, methodUnknown, verbWrong } from './refusal.ts';
import { RunningCall } from './running-call.ts';
import type { Served } from './served.ts';

export type EdgeParts = {
  readonly served: ReadonlyMap<string, Served>;
  readonly protocolOf: (exchange: Exchange) => Spoken;
  readonly refusal: EncodeRefusal;
  readonly reportDefect: (error: unknown) => void;
  readonly nowMs: () => number;
  /** Watches a request of one message that does not come at once. @returns forgets it */
  readonly watch: (exchange: Exchange) => () => void;
};

/**
 * Answers one exchange as a call, whatever its protocol.
 * @param handled is called once, when what answers the call has ended: that may be long after the client has left
 */
export type Edge = (exchange: Exchange, handled: () => void) => void;

/** The one way from HTTP to `answer`: headers, then the call, then bytes. What protocols have in common is done here. */
export function openEdge(parts: EdgeParts): Edge {
  const { refusal, reportDefect } = parts;
  return (exchange, handled) => {
    const { protocol, refused } = parts.protocolOf(exchange);
    const reply = protocol.reply(exchange);
    try {
      authorityOf(exchange.headers); // whoever has no host has no path either
      const { plan, answer } = methodOf(exchange, parts, protocol, refused);
      new RunningCall(exchange, plan, protocol, reply, parts, handled).run(answer);
    } catch (error) {
      reply.fail(refusal(asFault(error, reportDefect), String(exchange.headers['accept-language'] ?? '')));
      handled();
    }
  };
}

/** @throws Fault when there is no such method, or when it cannot be called so */
function methodOf(exchange: Exchange, { served }: EdgeParts, protocol: Protocol, refused: Spoken['refused']): Served {
  const found = served.get(exchange.path);
  if (found === undefined) throw methodUnknown(exchange.path);
  const { kind, safe } = found.plan;
  if (refused === 'verb' || (exchange.method === 'GET' && !safe)) throw verbWrong(exchange.method);
  if (refused === 'content type' || !protocol.carries(kind)) throw contentTypeUnknown(exchange.headers['content-type'], kind);
  if (exchange.version === 1 && (kind === 'bidi_stream' || protocol.name === 'grpc')) throw http2Needed();
  return found;
}
