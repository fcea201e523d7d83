// An app in a browser, on src/client: what its page can do is given to the test that drives it.
import type { ChatNotice } from '../../../src/client/chat/state.ts';
import { textContent } from '../../../src/client/chat/text-content.ts';
import { type Client, openClient } from '../../../src/client/client.ts';
import type { Notice } from '../../../src/client/live/state.ts';
import { bytesContent } from '../../../src/client/media/content.ts';
import { memoryTokenStore } from '../../../src/client/session.ts';
import type { ClientTransport } from '../../../src/client/transport.ts';
import { webTransport } from '../../../src/client/web-transport.ts';
import { HomeServiceDefinition } from '../../../src/gen/app/v1/home.ts';
import { ListOrdersRequest, ListOrdersResponse, OrderServiceDefinition } from '../../../src/gen/app/v1/order.ts';
import { SignInRequest } from '../../../src/gen/portico/v1/session.ts';

/** What the test reads. Only what JSON can hold. */
export type Page = {
  readonly phases: string[];
  readonly events: string[];
  /** Whether each subscription recovered all. */
  readonly recovered: boolean[];
  /** Orders in each snapshot. */
  readonly snapshots: number[];
  /** The kinds of the stream's messages; "renewed" with its reason. */
  readonly messages: string[];
  /** Of the chat. */
  readonly chatPhases: string[];
  /** What became of each message: empty if it is stored. */
  readonly posted: string[];
  /** For each unary call whether what the page has was still the current answer. */
  readonly notModified: boolean[];
};

/** What the test calls. */
export type Actions = {
  open(url: string): void;
  signIn(idToken: string): Promise<void>;
  /** @returns the name on the home screen */
  home(): Promise<string>;
  /** @returns the reason of a call that fails, or its code */
  failing(): Promise<string>;
  listen(topic: string): void;
  /** Opens the chat. */
  converse(): void;
  /** Puts a message into the queue of the chat. */
  post(conversationId: string, text: string): void;
  /** @returns the messages of a conversation */
  texts(conversationId: string): readonly string[];
  /** Uploads a PNG of so many bytes and downloads it again. @returns its type, how many bytes came, and the last progress */
  carry(conversationId: string, bytes: number): Promise<readonly [type: string, received: number, sent: number]>;
  /** The browser has reported a network. */
  online(): void;
  close(): void;
};

const seen: Page = { phases: [], events: [], recovered: [], snapshots: [], messages: [], chatPhases: [], posted: [], notModified: [] };
let client: Client | undefined;
const opened = () => client as Client;

function onNotice(notice: Notice): void {
  if (notice.kind === 'phase') seen.phases.push(notice.phase);
  if (notice.kind === 'event') seen.events.push(new TextDecoder().decode(notice.event.payload));
  if (notice.kind === 'subscribed') seen.recovered.push(notice.recovered);
  if (notice.kind === 'snapshot') seen.snapshots.push(ListOrdersResponse.decode(notice.payload).orders.length);
}

function onChatNotice(notice: ChatNotice): void {
  if (notice.kind === 'phase') seen.chatPhases.push(notice.phase);
  if (notice.kind === 'posted') seen.posted.push(notice.reason);
}

/** Notes what passes. */
function noting(transport: ClientTransport): ClientTransport {
  return {
    ...transport,
    unary: async (method, request, options) => {
      const answer = await transport.unary(method, request, options);
      if (method.startsWith('app.v1.')) seen.notModified.push(answer.headers['portico-not-modified'] === '1');
      return answer;
    },
    live: (hello, headers, events) =>
      transport.live(hello, headers, {
        ...events,
        onMessage: (response) => {
          const { message } = response;
          seen.messages.push(message?.$case === 'renewed' ? `renewed ${message.value.reason}` : (message?.$case ?? 'unknown'));
          events.onMessage(response);
        },
      }),
  };
}

const actions: Actions = {
  open: (url) => {
    client = openClient({
      transport: noting(webTransport({ url, fetch })),
      tokens: memoryTokenStore(),
      clock: {
        nowMs: () => Date.now(),
        monotonicMs: () => performance.now(),
        after: (delayMs, callback) => {
          const timer = setTimeout(callback, delayMs);
          return () => clearTimeout(timer);
        },
      },
      random: Math.random,
      headers: { 'app-platform': 'web', 'app-version': '1.0.0' },
      onNotice,
      onChatNotice,
    });
  },
  signIn: (token) =>
    opened().session.signIn(
      SignInRequest.fromPartial({ identity: { $case: 'idToken', value: { token } }, device: { platform: 'web', name: 'Chromium' } }),
    ),
  home: async () => (await opened().calls.call(HomeServiceDefinition, 'getHome', {})).profile?.displayName ?? '',
  failing: () =>
    opened()
      .calls.call(OrderServiceDefinition, 'getOrder', { orderId: 'no such id!' })
      .then(
        () => 'no failure',
        (error: { reason?: string; code?: string }) => error.reason || error.code || String(error),
      ),
  listen: (topic) => {
    const { live } = opened();
    live.dispatch({ type: 'subscribe', topic });
    const request = ListOrdersRequest.encode(ListOrdersRequest.fromPartial({})).finish();
    live.dispatch({ type: 'watch', id: 1, method: 'app.v1.OrderService/ListOrders', request });
    live.dispatch({ type: 'start' });
  },
  converse: () => opened().chat.dispatch({ type: 'start' }),
  post: (conversationId, text) => {
    const what = { $case: 'message', value: { content: textContent(text), replyToSeq: 0n } } as const;
    opened().chat.dispatch({ type: 'post', request: { conversationId, entry: { clientId: crypto.randomUUID(), what } } });
  },
  texts: (id) =>
    (opened().chat.state.conversations.get(id)?.events ?? []).flatMap(({ what }) =>
      what?.$case === 'message' ? [what.value.content?.text ?? ''] : [],
    ),
  carry: async (conversationId, count) => {
    const bytes = new Uint8Array(count);
    bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]);
    const [attachmentId, content] = [crypto.randomUUID(), bytesContent(bytes)];
    let [received, sent] = [0, 0];
    const onProgress = (now: number) => {
      sent = now;
    };
    const { contentType } = await opened().media.upload({ attachmentId, conversationId, content, name: 'ü.png', onProgress });
    const write = ({ length }: Uint8Array) => {
      received += length;
    };
    await opened().media.download({ attachmentId, write });
    return [contentType, received, sent];
  },
  online: () => opened().networkFound(),
  close: () => opened().close(),
};
Object.assign(globalThis, { actions, seen });
