import { ConnectError } from '@connectrpc/connect';
import { createEnvelopeReadableStream, encodeEnvelope } from '@connectrpc/connect/protocol';
import { endStreamFlag, endStreamFromJson, protocolVersion } from '@connectrpc/connect/protocol-connect';
import { ChatOpenRequest, ChatResponse, ChatSendRequest } from '../gen/portico/v1/chat.ts';
import { type LiveRequest, LiveResponse, OpenRequest, SendRequest } from '../gen/portico/v1/live.ts';
import { asCallError, CallError } from './call-error.ts';
import { webMedia } from './media/web-media.ts';
import type { ClientTransport, Headers, OpenStream } from './transport.ts';
import { cut, eachOf, errorOf, ofConnect, unanswered } from './web-answers.ts';

export type WebTransportOptions = {
  /** "https://api.example.com:8443" */
  readonly url: string;
  /** The browser's. */
  readonly fetch: typeof fetch;
};

/** Time for one message of `Send`, and pauses between its repetitions. Milliseconds. */
const sendMs = 10_000;
const againMs = [500, 1_000, 2_000, 4_000];

/**
 * Connect over fetch, which has no stream of requests: a service's Open brings the messages of the server, and each
 * message of the client is a call of `Send`, in order.
 */
export function webTransport({ url, fetch }: WebTransportOptions): ClientTransport {
  const post = (method: string, body: Uint8Array<ArrayBuffer>, headers: Headers, signal: AbortSignal) =>
    fetch(`${url}/${method}`, { method: 'POST', headers: { ...headers, 'connect-protocol-version': protocolVersion }, body, signal }).catch(
      unanswered(method),
    );
  const unary: ClientTransport['unary'] = async (method, request, { headers, timeoutMs, signal }) => {
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const sent = { ...headers, 'content-type': 'application/proto', 'connect-timeout-ms': String(timeoutMs) };
      const answer = await post(method, new Uint8Array(request), sent, signal === undefined ? timeout : AbortSignal.any([signal, timeout]));
      if (!answer.ok) throw errorOf(await answer.text(), answer.status);
      return { message: new Uint8Array(await answer.arrayBuffer()), headers: Object.fromEntries(answer.headers) };
    } catch (error) {
      if (timeout.aborted) throw new CallError('DEADLINE_EXCEEDED', `${method} was not answered within ${timeoutMs} ms.`, [], error);
      throw asCallError(error);
    }
  };
  const live: ClientTransport['live'] = streamOf({ unary, post }, 'portico.v1.LiveService', {
    open: (hello) => OpenRequest.encode({ hello }).finish(),
    send: (streamId, n, message) => SendRequest.encode({ streamId, n, message: { message } }).finish(),
    answer: LiveResponse.decode,
  });
  const chat: ClientTransport['chat'] = streamOf({ unary, post }, 'portico.v1.ChatService', {
    open: (hello) => ChatOpenRequest.encode({ hello }).finish(),
    send: (streamId, n, message) => ChatSendRequest.encode({ streamId, n, message: { message } }).finish(),
    answer: ChatResponse.decode,
  });
  return { unary, live, chat, media: webMedia({ url, fetch }), close: () => {} };
}

type Welcomed = Extract<LiveResponse['message'], { readonly $case: 'welcome' }>;
type Renewal = Extract<LiveRequest['message'], { readonly $case: 'renew' }>;
type Post = (method: string, body: Uint8Array<ArrayBuffer>, headers: Headers, signal: AbortSignal) => Promise<Response>;

/** The messages of a service's `Open` and `Send`. */
type StreamForm<Hello, Message, Answer> = {
  readonly open: (hello: Hello) => Uint8Array;
  readonly send: (streamId: string, n: bigint, message: Message) => Uint8Array;
  readonly answer: (bytes: Uint8Array) => Answer;
};

/** `Open` brings what the server sends; what the client sends are calls of `Send`, one after the other. */
function streamOf<Hello, Message extends { readonly $case: string }, Answer extends { readonly message?: { readonly $case: string } | undefined }>(
  { unary, post }: { readonly unary: ClientTransport['unary']; readonly post: Post },
  service: string,
  form: StreamForm<Hello, Message, Answer>,
): OpenStream<Hello, Message, Answer> {
  return (hello, headers, { onMessage, onEnd }) => {
    const cancel = new AbortController();
    let streamId = '';
    let n = 0;
    /** That of a renewal: a call of `Send` is authorized by itself, and the token of hello ends. Empty: none yet. */
    let token = '';
    const waiting: Message[] = [];
    let sending: Promise<void> | undefined;
    let over = false;
    const finish = (error: CallError | undefined) => {
      if (over) return;
      over = true;
      cancel.abort();
      onEnd(error);
    };
    const sendAll = async () => {
      for (let next = waiting.shift(); next !== undefined && !cancel.signal.aborted; next = waiting.shift()) {
        if (next.$case === 'renew') token = (next as unknown as Renewal).value.accessToken;
        await sendOne(form.send(streamId, BigInt(++n), next));
      }
    };
    /** Sends until it is answered: the server handles each number once. */
    const sendOne = async (request: Uint8Array) => {
      for (const pauseMs of [...againMs, undefined]) {
        try {
          await unary(`${service}/Send`, request, {
            headers: { ...headers, ...(token !== '' && { authorization: `Bearer ${token}` }) },
            timeoutMs: sendMs,
            signal: cancel.signal,
          });
          return;
        } catch (error) {
          const failed = asCallError(error);
          if (pauseMs === undefined || failed.code !== 'UNAVAILABLE') throw failed;
          await new Promise((resolve) => setTimeout(resolve, pauseMs));
        }
      }
    };
    const flush = () => {
      if (streamId === '' || waiting.length === 0) return;
      sending ??= sendAll()
        .catch((error: unknown) => finish(resumable(asCallError(error))))
        .finally(() => {
          sending = undefined;
          if (!over) flush();
        });
    };
    const read = async () => {
      const body = encodeEnvelope(0, form.open(hello));
      const sent = { ...headers, 'content-type': 'application/connect+proto' };
      const answer = await post(`${service}/Open`, body, sent, cancel.signal);
      if (!answer.ok || answer.body === null) throw errorOf(await answer.text(), answer.status);
      for await (const { flags, data } of eachOf(createEnvelopeReadableStream(answer.body))) {
        if ((flags & endStreamFlag) === endStreamFlag) {
          const { error } = endStreamFromJson(data);
          if (error !== undefined) throw error;
          return;
        }
        const message = form.answer(data);
        if (message.message?.$case === 'welcome') ({ streamId } = (message.message as Welcomed).value);
        if (!over) onMessage(message);
        flush();
      }
      throw new CallError('UNAVAILABLE', 'The stream was cut.');
    };
    read().then(
      () => finish(undefined),
      (error: unknown) => finish(error instanceof ConnectError ? ofConnect(error) : cut(error)),
    );
    return {
      send: (message) => {
        waiting.push(message);
        flush();
      },
      close: () => {
        over = true;
        void Promise.resolve(sending).finally(() => cancel.abort());
      },
    };
  };
}

/** A stream that takes no messages is over, whatever the reason: another one is opened. */
function resumable(error: CallError): CallError {
  return error.reason === 'STREAM_UNKNOWN' ? new CallError('UNAVAILABLE', error.message, [], error) : error;
}
