import { Fault } from '../kit/fault.ts';
import type { UpstreamSender } from '../ports/upstream-transport.ts';
import { ReceivedStream } from './received-stream.ts';
import type { Prepared } from './upstreams.ts';

/** A streaming call to an upstream. */
export type OpenStream = {
  readonly received: ReceivedStream;
  readonly sender: UpstreamSender;
  /**
   * Why this side ended the call: the error of the messages that it was to send, such as a rule that a client's message
   * breaks, or a defect of a team's own stream.
   */
  refusal(): { readonly error: unknown } | undefined;
};

/**
 * Sends a prepared call: its one message, or each message of a stream no faster than the upstream takes them. The
 * signal cancels it. The stream's end is passed on only while the signal is not aborted: a lost client can look like a
 * polite end.
 */
export function openStream(prepared: Prepared, request: Uint8Array | AsyncIterable<Uint8Array>, signal: AbortSignal): OpenStream {
  const received = new ReceivedStream();
  let refusal: { readonly error: unknown } | undefined;
  const sender = prepared.transport.call(prepared.call, received, request instanceof Uint8Array ? request : undefined);
  received.bind(sender);
  const cancel = () => sender.cancel();
  received.onEnd = (end) => {
    signal.removeEventListener('abort', cancel);
    prepared.end(end);
  };
  if (signal.aborted) cancel();
  else signal.addEventListener('abort', cancel, { once: true });
  const whenRoom = (resolve: () => void) => {
    if (received.end !== undefined) resolve();
    else received.onRoom = resolve;
  };
  const pump = async (messages: AsyncIterable<Uint8Array>) => {
    try {
      for await (const message of messages) {
        if (received.end !== undefined) return;
        if (!sender.send(message)) await new Promise<void>(whenRoom);
      }
      if (signal.aborted) sender.cancel();
      else sender.halfClose();
    } catch (error) {
      if (error instanceof Fault || !signal.aborted) refusal = { error }; // after an abort others are caused by it
      sender.cancel(); // the answer's side says why
    }
  };
  if (!(request instanceof Uint8Array)) void pump(request);
  return { received, sender, refusal: () => refusal };
}
