// A token that was asked for one user is answered when another one is signed in.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallError } from '../../src/client/call-error.ts';
import { openChat } from '../../src/client/chat/chat.ts';
import { memoryChatStorage } from '../../src/client/chat/storage.ts';
import { openLive } from '../../src/client/live/live.ts';
import type { Session } from '../../src/client/session.ts';
import type { ClientStream, StreamEvents } from '../../src/client/transport.ts';
import { fakeClock } from '../support/time/clock.ts';
import { until } from '../support/time/until.ts';

/** A session whose renewals a test answers, and a transport whose streams it ends. */
function opened(kind: 'live' | 'chat') {
  const renewals: PromiseWithResolvers<string>[] = [];
  const tokens: string[] = [];
  const ends: ((error: CallError) => void)[] = [];
  const notices: string[] = [];
  const session: Session = {
    signIn: async () => {},
    signOut: async () => {},
    userId: async () => 'alice',
    accessToken: async () => `first ${ends.length}`,
    renew: (refused) => {
      tokens.push(refused);
      renewals.push(Promise.withResolvers());
      return (renewals.at(-1) as PromiseWithResolvers<string>).promise;
    },
  };
  const open = (_hello: unknown, _headers: unknown, { onEnd }: StreamEvents<never>): ClientStream<never> => {
    ends.push(onEnd);
    return { send: () => {}, close: () => {} };
  };
  const onNotice = (notice: { readonly kind: string }) => notices.push(notice.kind);
  const parts = { session, clock: fakeClock(), random: () => 0, headers: {}, onNotice };
  const stream =
    kind === 'live'
      ? openLive({ ...parts, transport: { live: open } })
      : openChat({ ...parts, transport: { chat: open }, calls: { call: () => new Promise(() => {}) }, storage: memoryChatStorage() });
  return { stream, renewals, tokens, ends, notices };
}

const refused = () => new CallError('UNAUTHENTICATED', 'TOKEN_EXPIRED: The token has ended.');
const answers = {
  'a failure of the earlier session': ({ reject }: PromiseWithResolvers<string>) => reject(refused()),
  'no answer': ({ reject }: PromiseWithResolvers<string>) => reject(new CallError('UNAVAILABLE', 'no network')),
  'a token': ({ resolve }: PromiseWithResolvers<string>) => resolve('of the earlier user'),
};

for (const kind of ['live', 'chat'] as const)
  for (const [name, answer] of Object.entries(answers))
    test(`${kind}: the next user's stream neither ends nor uses what was asked for the one before: ${name}`, async () => {
      const { stream, renewals, tokens, ends, notices } = opened(kind);
      stream.dispatch({ type: 'start' });
      await until('the stream is open', () => ends.length === 1);
      ends[0]?.(refused());
      await until('a token is asked for', () => renewals.length === 1);

      stream.dispatch({ type: 'forget' });
      stream.dispatch({ type: 'start' });
      await until('the stream of the next user is open', () => ends.length === 2);
      answer(renewals[0] as PromiseWithResolvers<string>);
      await new Promise(setImmediate);
      assert.equal(stream.state.phase, 'connecting');
      assert.ok(!notices.includes('refused'));
      ends[1]?.(refused());
      await until('a token is asked for', () => renewals.length === 2);
      assert.deepEqual(tokens, ['first 0', 'first 1']);
      stream.close();
    });
