import assert from 'node:assert/strict';
import { tokensOfUserMax, waitingMax } from '../../src/core/ports/push-limits.ts';
import { message } from './chat-harness.ts';
import { type Device, nameOf, type PushHarness, pushCaseOf, tokenOf } from './push-harness.ts';

/** Of pushes: to whom, and of which message. */
const told = (pushes: readonly { readonly sessionId: string; readonly content: { readonly kind: string; readonly seq?: number } }[]) =>
  pushes.map(({ sessionId, content }) => `${sessionId} ${content.kind} ${content.seq}`).sort();
const messagesTo = (seq: number, ...devices: readonly Device[]) => devices.map(({ sessionId }) => `${sessionId} message ${seq}`).sort();

export function pushContract(adapter: string, open: () => Promise<PushHarness>): void {
  const caseOf = pushCaseOf(adapter, open);

  caseOf('a message is pushed once to each device of the others, and to none of its sender', async ({ act }) => {
    const [ann, bob] = [nameOf('ann'), nameOf('bob')];
    const [own, one, two] = [await act.device(ann), await act.device(bob), await act.device(bob)];
    const id = await act.group(ann, bob);
    const seq = await act.say(ann, id, 'hello');
    const pushes = await act.due();
    assert.deepEqual(told(pushes), messagesTo(seq, one, two), `not to ${own.sessionId}`);
    assert.deepEqual(
      pushes.map(({ content, badge, repeats, attempts }) => [content, badge, repeats, attempts]),
      pushes.map(() => [{ kind: 'message', conversationId: id, seq, title: 'Crew', text: 'hello' }, 1, 0, 0]),
    );
    assert.deepEqual(await act.due(), [], 'it is leased');
  });

  caseOf('a repeat, an edit, a reaction and a change of members are not pushed', async ({ on, act }) => {
    const [ann, bob] = [nameOf('ann'), nameOf('bob')];
    await act.device(bob);
    const id = await act.group(ann, bob);
    const entry = message(ann, 'once');
    const { seq } = await on.chat.append(id, entry);
    await on.chat.append(id, { ...entry, eventId: crypto.randomUUID() });
    const common = { sender: entry.sender, targetSeq: seq };
    await on.chat.append(id, { kind: 'edit', clientId: 'e', eventId: crypto.randomUUID(), text: 'twice', ...common });
    await on.chat.append(id, { kind: 'reaction', clientId: 'r', eventId: crypto.randomUUID(), reaction: '+', ...common });
    const pushes = await act.due();
    assert.deepEqual(
      pushes.map(({ content }) => content.kind === 'message' && [content.seq, content.text]),
      [[seq, 'twice']],
      'with the content of today',
    );
  });

  const reasons: Readonly<
    Record<
      string,
      (it: {
        on: PushHarness;
        act: ReturnType<typeof import('./push-harness.ts').pushActs>;
        device: Device;
        ann: string;
        id: string;
        seq: number;
      }) => Promise<unknown>
    >
  > = {
    'the device has received it': ({ act, device, id, seq }) => act.receive(device, id, seq),
    'its user has read it': ({ on, device, id, seq }) =>
      on.chat.receive({ conversationId: id, userId: device.userId, device: 'another', deliveredSeq: seq, readSeq: seq }),
    'its user has muted the conversation': ({ on, device, id }) => on.chat.change(device.userId, id, { mutedUntilMs: Date.now() + 3_600_000 }),
    'its user has hidden it': ({ on, device, id, seq }) => on.chat.change(device.userId, id, { hiddenSeq: seq }),
    'its user has blocked the sender': ({ on, device, ann }) => on.block(device.userId, ann),
    'the sender has blocked its user': ({ on, device, ann }) => on.block(ann, device.userId),
    'its user has left': ({ on, device, id }) =>
      on.chat.changeMembers(id, { kind: 'user', id: device.userId }, { eventId: crypto.randomUUID(), changes: [{ userId: device.userId }] }),
    'it was deleted': ({ on, ann, id, seq }) =>
      on.chat.append(id, { kind: 'delete', sender: { kind: 'user', id: ann }, clientId: 'd', eventId: crypto.randomUUID(), targetSeq: seq }),
    'its session has ended': ({ on, device }) => on.sessions.revoke(device.sessionId, device.userId, 'signed_out', Date.now()),
    'all sessions have ended': ({ on, device }) => on.sessions.revokeAll(device.userId, 'signed_out_everywhere', Date.now()),
    'its token was dropped': ({ on, device }) => on.tokens.drop(device.sessionId),
  };
  for (const [name, happen] of Object.entries(reasons)) {
    for (const when of ['before it is due', 'while it waits'] as const)
      caseOf(`a message is not pushed when ${name} ${when}`, async ({ on, act }) => {
        const [ann, bob] = [nameOf('ann'), nameOf('bob')];
        const device = await act.device(bob);
        const id = await act.group(ann, bob);
        const seq = await act.say(ann, id);
        if (when === 'while it waits') await on.queue.expand(100);
        await happen({ on, act, device, ann, id, seq });
        assert.deepEqual(await act.due(), []);
        await on.elapse();
        assert.deepEqual(await act.due(), []);
      });
  }

  caseOf('another device of a user that has received a message spares only itself', async ({ act }) => {
    const [ann, bob] = [nameOf('ann'), nameOf('bob')];
    const [one, two] = [await act.device(bob), await act.device(bob)];
    const id = await act.group(ann, bob);
    const seq = await act.say(ann, id);
    await act.receive(one, id, seq);
    assert.deepEqual(told(await act.due()), messagesTo(seq, two));
  });

  caseOf('who joined later is not pushed what came before', async ({ on, act }) => {
    const [ann, bob] = [nameOf('ann'), nameOf('bob')];
    await act.device(bob);
    const id = await act.group(ann);
    await act.say(ann, id);
    const by = { kind: 'user', id: ann } as const;
    await on.chat.changeMembers(id, by, { eventId: crypto.randomUUID(), changes: [{ userId: bob, role: 'member' }] });
    assert.deepEqual(await act.due(), []);
  });

  caseOf('a lease that ends without a record is given again, and says so; a recorded push is gone', async ({ on, act }) => {
    const [ann, bob] = [nameOf('ann'), nameOf('bob')];
    await act.device(bob);
    const id = await act.group(ann, bob);
    await act.say(ann, id);
    const [first] = await act.due();
    await on.elapse();
    const [second] = await act.due();
    assert.deepEqual([second?.id, second?.repeats, second?.attempts], [first?.id, 1, 0]);
    await on.queue.record([{ id: second?.id ?? '', became: 'sent' }]);
    await on.elapse();
    assert.deepEqual(await act.due(), []);
  });

  caseOf('what is delayed comes back after its time, and is no repeat', async ({ on, act }) => {
    const [ann, bob] = [nameOf('ann'), nameOf('bob')];
    await act.device(bob);
    const id = await act.group(ann, bob);
    await act.say(ann, id);
    for (const [counts, attempts] of [
      [true, 1],
      [false, 1],
      [true, 2],
    ] as const) {
      const [push] = await act.due();
      await on.queue.record([{ id: push?.id ?? '', became: 'delayed', afterMs: 3_600_000, counts, mayBeSent: false }]);
      assert.deepEqual(await act.due(), []);
      await on.elapse();
      const [again] = await act.due();
      assert.deepEqual([again?.id, again?.attempts, again?.repeats], [push?.id, attempts, 0]);
      await on.queue.record([{ id: push?.id ?? '', became: 'delayed', afterMs: 0, counts: false, mayBeSent: false }]);
    }
  });

  caseOf('a dead token is dropped with all that waits for it, unless it was registered after its death', async ({ on, act }) => {
    const [ann, bob] = [nameOf('ann'), nameOf('bob')];
    const device = await act.device(bob);
    const id = await act.group(ann, bob);
    await act.say(ann, id);
    await act.say(ann, id);
    const [first, second] = await act.due();
    const died = (push: typeof first, deadAtMs: number, token = device.token.token) =>
      on.queue.record([{ id: push?.id ?? '', became: 'dead', sessionId: device.sessionId, token, deadAtMs }]);
    await died(first, Date.now() - 3_600_000); // it was registered since
    await died(second, Date.now() + 3_600_000, 'another'); // it was replaced since
    await on.elapse();
    assert.equal((await act.due()).length, 2, 'both are tried again');
    await died(first, Date.now() + 3_600_000);
    await on.elapse();
    assert.deepEqual(await act.due(), []);
    await act.say(ann, id);
    assert.deepEqual(await act.due(), []);
  });

  caseOf('a token belongs to the session that registered it last, and a session has one', async ({ on, act }) => {
    const [ann, bob, cy] = [nameOf('ann'), nameOf('bob'), nameOf('cy')];
    const old = await act.device(bob);
    const id = await act.group(ann, bob, cy);
    const moved = await act.device(cy, old.token); // the same phone, another user
    const seq = await act.say(ann, id);
    assert.deepEqual(told(await act.due()), messagesTo(seq, moved));
    const next = tokenOf('apns');
    assert.equal(await on.tokens.register(moved, moved.sessionId, next), true);
    await act.say(ann, id);
    assert.deepEqual(await act.due('fcm'), []);
    const [push] = await act.due('apns');
    assert.deepEqual([push?.sessionId, push?.token], [moved.sessionId, next]);
  });

  caseOf('what waits for a device follows its token to another platform', async ({ on, act }) => {
    const [ann, bob] = [nameOf('ann'), nameOf('bob')];
    const device = await act.device(bob);
    const id = await act.group(ann, bob);
    const seq = await act.say(ann, id);
    await on.queue.expand(100);
    await on.tokens.register(device, device.sessionId, tokenOf('apns'));
    assert.deepEqual(await act.due('fcm'), []);
    assert.deepEqual(told(await act.due('apns')), messagesTo(seq, device));
  });

  caseOf('a session of another user, an ended one and an unknown one get no token', async ({ on, act }) => {
    const [ann, bob] = [nameOf('ann'), nameOf('bob')];
    const sessionId = await act.signIn(ann);
    const register = (session: { sessionId: string; userId: string }) => on.tokens.register(session, session.sessionId, tokenOf('fcm'));
    assert.equal(await register({ sessionId, userId: bob }), false);
    assert.equal(await register({ sessionId: crypto.randomUUID(), userId: ann }), false);
    await on.sessions.revoke(sessionId, ann, 'signed_out', Date.now());
    assert.equal(await register({ sessionId, userId: ann }), false);
  });

  caseOf('two sessions that register one token at the same time leave it to one of them', async ({ on, act }) => {
    const [ann, bob] = [nameOf('ann'), nameOf('bob')];
    const id = await act.group(ann, bob);
    const token = tokenOf('fcm');
    const sessions = await Promise.all(Array.from({ length: 8 }, () => act.signIn(bob)));
    await Promise.all(sessions.map((sessionId) => on.tokens.register({ sessionId, userId: bob }, sessionId, token)));
    await act.say(ann, id);
    assert.equal((await act.due()).length, 1);
  });

  caseOf('of a user’s tokens those that were registered longest ago are dropped', async ({ on, act }) => {
    const [ann, bob] = [nameOf('ann'), nameOf('bob')];
    const id = await act.group(ann, bob);
    const devices: Device[] = [];
    for (let n = 0; n < tokensOfUserMax + 2; n++) devices.push(await act.device(bob));
    const [first] = devices as [Device];
    await on.tokens.register(first, first.sessionId, first.token); // now the newest: the second to fourth go
    const seq = await act.say(ann, id);
    const kept = [...devices.slice(3), first];
    assert.deepEqual(told(await act.due()).length, tokensOfUserMax);
    assert.ok(kept.length >= tokensOfUserMax && seq > 0);
  });

  caseOf('no more pushes wait for a device than their bound', async ({ on, act }) => {
    const [ann, bob] = [nameOf('ann'), nameOf('bob')];
    await act.device(bob);
    const id = await act.group(ann, bob);
    for (let n = 0; n < waitingMax + 10; n++) {
      await act.say(ann, id, `${n}`);
      await on.queue.expand(100);
    }
    assert.equal((await act.due()).length, waitingMax);
  });

  caseOf('the badge counts what is unread in conversations that are not muted', async ({ on, act }) => {
    const [ann, bob] = [nameOf('ann'), nameOf('bob')];
    await act.device(bob);
    const [one, two, muted] = [await act.group(ann, bob), await act.group(ann, bob), await act.group(ann, bob)];
    await on.chat.change(bob, muted, { mutedUntilMs: Date.now() + 3_600_000 });
    for (const id of [one, one, two, muted]) await act.say(ann, id);
    await act.say(bob, two);
    assert.deepEqual(
      (await act.due()).map(({ badge }) => badge),
      [3, 3, 3],
    );
  });

  caseOf('what is read on one device is cleared on the others that were pushed it, once', async ({ on, act }) => {
    const [ann, bob] = [nameOf('ann'), nameOf('bob')];
    const [reader, other, third] = [await act.device(bob), await act.device(bob), await act.device(bob)];
    const id = await act.group(ann, bob);
    const [first, second] = [await act.say(ann, id), await act.say(ann, id)];
    await act.receive(third, id, second); // never pushed
    await on.queue.record((await act.due()).map((push) => ({ id: push.id, became: 'sent' })));
    await act.receive(reader, id, first, first);
    await act.receive(reader, id, second, second); // soon after
    assert.deepEqual(await act.due(), [], 'it waits for what is read soon after');
    await on.elapse();
    const pushes = await act.due();
    assert.deepEqual(told(pushes), [`${other.sessionId} read ${second}`]);
    assert.equal(pushes[0]?.badge, 0);
    await on.queue.record(pushes.map((push) => ({ id: push.id, became: 'sent' })));
    await act.receive(reader, id, second, second);
    await on.elapse();
    assert.deepEqual(await act.due(), []);
  });

  caseOf('what is not read yet is not cleared', async ({ on, act }) => {
    const [ann, bob] = [nameOf('ann'), nameOf('bob')];
    const device = await act.device(bob);
    const id = await act.group(ann, bob);
    const [first, second] = [await act.say(ann, id), await act.say(ann, id)];
    await on.queue.record((await act.due()).map((push) => ({ id: push.id, became: 'sent' })));
    for (const seq of [first, second]) {
      await on.chat.receive({ conversationId: id, userId: bob, device: 'a browser', deliveredSeq: second, readSeq: seq });
      await on.elapse();
      const pushes = await act.due();
      assert.deepEqual(told(pushes), [`${device.sessionId} read ${seq}`]);
      await on.queue.record(pushes.map((push) => ({ id: push.id, became: 'sent' })));
    }
  });

  caseOf('what is read between the sending and its record is cleared', async ({ on, act }) => {
    const [ann, bob] = [nameOf('ann'), nameOf('bob')];
    const device = await act.device(bob);
    const id = await act.group(ann, bob);
    const seq = await act.say(ann, id);
    const pushes = await act.due();
    await on.chat.receive({ conversationId: id, userId: bob, device: 'a browser', deliveredSeq: seq, readSeq: seq });
    await on.queue.record(pushes.map((push) => ({ id: push.id, became: 'sent' })));
    await on.elapse();
    assert.deepEqual(told(await act.due()), [`${device.sessionId} read ${seq}`]);
  });

  caseOf('whoever reads while pushes are recorded: all that is read is cleared, and nobody waits for ever', async ({ on, act }) => {
    const [ann, bob] = [nameOf('ann'), nameOf('bob')];
    const devices = [await act.device(bob), await act.device(bob)];
    const ids = await Promise.all(Array.from({ length: 6 }, () => act.group(ann, bob)));
    const seqs = await Promise.all(ids.map((id) => act.say(ann, id)));
    const pushes = await act.due();
    assert.equal(pushes.length, 12);
    const sent = pushes.map((push) => ({ id: push.id, became: 'sent' }) as const);
    const reads = ids.map((conversationId, n) =>
      on.chat.receive({ conversationId, userId: bob, device: 'a browser', deliveredSeq: seqs[n] ?? 0, readSeq: seqs[n] ?? 0 }),
    );
    await Promise.all([on.queue.record(sent.slice(0, 5)), ...reads.reverse(), on.queue.record(sent.slice(5).reverse())]);
    await on.elapse();
    const cleared = (await act.due()).map(
      ({ sessionId, content }) => `${sessionId} ${content.kind} ${content.kind === 'read' && content.conversationId}`,
    );
    assert.deepEqual(cleared.sort(), devices.flatMap(({ sessionId }) => ids.map((id) => `${sessionId} read ${id}`)).sort());
  });

  caseOf('a notice reaches every device once, whatever is repeated, and nobody else', async ({ on, act }) => {
    const [ann, bob] = [nameOf('ann'), nameOf('bob')];
    const [one, two] = [await act.device(bob), await act.device(bob)];
    await act.device(ann);
    const notice = { title: 'Your parcel', body: 'is here', data: { order: '42' }, collapseId: 'order:42' };
    const options = { requestKey: `orders:${bob}:1`, expireMs: 60_000 };
    assert.deepEqual([await on.queue.notify(bob, notice, options), await on.queue.notify(bob, notice, options)], [2, 2]);
    assert.equal(await on.queue.notify(nameOf('nobody'), notice, { requestKey: undefined, expireMs: 60_000 }), 0);
    const pushes = await act.due();
    assert.deepEqual(pushes.map(({ sessionId }) => sessionId).sort(), [one.sessionId, two.sessionId].sort());
    for (const { content } of pushes) assert.deepEqual(content.kind === 'notice' && content.notice, notice);
  });

  caseOf('a notice that has expired is known for a while: a repeat pushes nothing', async ({ on, act }) => {
    const bob = nameOf('bob');
    await act.device(bob);
    const notice = { title: 'x', body: '', data: {}, collapseId: '' };
    const options = { requestKey: `orders:${bob}:1`, expireMs: 0 };
    await on.queue.notify(bob, notice, options);
    await on.queue.forget(100);
    assert.equal(await on.queue.notify(bob, notice, { ...options, expireMs: 60_000 }), 1);
    assert.deepEqual(await act.due(), []);
  });

  caseOf('what has expired is not sent, and is deleted', async ({ on, act }) => {
    const bob = nameOf('bob');
    await act.device(bob);
    await on.queue.notify(bob, { title: 'x', body: '', data: {}, collapseId: '' }, { requestKey: undefined, expireMs: 0 });
    assert.deepEqual(await act.due(), []);
    await on.queue.forget(100);
    assert.equal(await on.queue.forget(100), 0);
  });
}
