import type { ReceivedMetadata, UpstreamCall, UpstreamEnd, UpstreamReceiver, UpstreamTransport } from '../ports/upstream-transport.ts';

/** The result of a call with one request. It has a `body` exactly when it ended with OK. */
export type UnaryResult = { readonly end: UpstreamEnd; readonly headers: ReceivedMetadata | undefined; readonly body: Uint8Array | undefined };

/** Sends one request and receives one answer. An abort of the signal cancels it. Never rejects. */
export function sendUnary(transport: UpstreamTransport, call: UpstreamCall, request: Uint8Array, signal: AbortSignal): Promise<UnaryResult> {
  return new Promise((resolve) => {
    let headers: ReceivedMetadata | undefined;
    let body: Uint8Array | undefined;
    let messages = 0;
    const receiver: UpstreamReceiver = {
      headers: (received) => {
        headers = received;
      },
      message: (bytes) => {
        body = bytes;
        messages += 1;
        if (messages > 1) sender.cancel(); // there may be no end of them
        return true;
      },
      drained: () => {},
      ended: (end) => {
        signal.removeEventListener('abort', cancel);
        const whole = messages > 1 || (end.by === 'upstream' && end.code === 0) ? ofOneMessage(end, messages) : end;
        resolve({ end: whole, headers, body: whole.by === 'upstream' && whole.code === 0 ? body : undefined });
      },
    };
    const sender = transport.call(call, receiver, request);
    const cancel = () => sender.cancel();
    if (signal.aborted) cancel();
    else signal.addEventListener('abort', cancel, { once: true });
  });
}

/** OK without a message, or with several, is not a valid answer of a method with one. */
export function ofOneMessage(end: UpstreamEnd | undefined, messages: number): UpstreamEnd {
  if (messages === 1 && end !== undefined) return end;
  return {
    by: 'transport',
    cause: 'protocol',
    detail: messages === 0 ? 'It ended with OK and without a message.' : 'It sent several messages instead of one.',
    processed: 'maybe',
    peer: end?.peer,
  };
}
