// A transport that answers what a test says, and keeps what was sent.
import type { CallError } from '../../src/client/call-error.ts';
import type { Answer, ClientTransport, Headers, MediaTransport } from '../../src/client/transport.ts';

export type Sent = { readonly method: string; readonly request: Uint8Array; readonly headers: Headers };

const noMedia: MediaTransport = {
  upload: () => Promise.reject(new Error('no attachments')),
  download: () => {
    throw new Error('no attachments');
  },
  sha256: () => {
    throw new Error('no attachments');
  },
};

export function scriptedTransport(answer: (sent: Sent, nth: number) => Answer | CallError | Promise<Answer | CallError>) {
  const sent: Sent[] = [];
  const transport: ClientTransport = {
    unary: async (method, request, { headers }) => {
      const call = { method, request, headers };
      sent.push(call);
      const answered = await answer(call, sent.length);
      if (answered instanceof Error) throw answered;
      return answered;
    },
    live: () => ({ send: () => {}, close: () => {} }),
    chat: () => ({ send: () => {}, close: () => {} }),
    media: noMedia,
    close: () => {},
  };
  return { transport, sent };
}
