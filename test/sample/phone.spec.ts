// `portico phone` as a person sees it: in a terminal of tmux, against `portico dev` with the sample company.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { textContent } from '../../src/client/chat/text-content.ts';
import { openClient } from '../../src/client/client.ts';
import type { Notice } from '../../src/client/live/state.ts';
import { bytesContent } from '../../src/client/media/content.ts';
import { nodeTransport } from '../../src/client/node-transport.ts';
import { memoryTokenStore } from '../../src/client/session.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { jpeg } from '../media/media-calls.ts';
import { blocksOf } from '../support/client/page.ts';
import { openTerminal, type Terminal } from '../support/programs/terminal.ts';
import { type ServerProcess, serverEnvironment, startServer } from '../support/server/server-process.ts';
import { until } from '../support/time/until.ts';

const root = resolve(import.meta.dirname, '../..');
const portico = `'${process.execPath}' '${join(root, 'scripts/launch.cjs')}' '${join(root, 'src/main.ts')}'`;
const dev = `exec ${portico} dev --set bootstrap.versions.desktop.least=0.1.0`;
/** As the README says it. */
const phone = blocksOf(join(root, 'README.md'))
  .find(({ words }) => words.includes('terminal'))
  ?.text.trim();
const folder = mkdtempSync(join(tmpdir(), 'portico-phone-'));
/** For what a busy machine may take long for: to start a process, to sign in, to publish. Milliseconds. */
const longMs = 60_000;

let environment: Awaited<ReturnType<typeof serverEnvironment>>;
let server: ServerProcess;
let terminal: Terminal;
before(async () => {
  environment = await serverEnvironment();
  server = await startServer(dev, folder, environment);
  const env = { ...environment.env, PORTICO_DATA_DIR: join(folder, '.portico') };
  terminal = await openTerminal({ cwd: root, env, columns: 100, rows: 30 });
});
after(async () => {
  await terminal?.close();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Waits until the screen has it. @returns the pattern's groups */
async function shown(pattern: RegExp): Promise<RegExpExecArray> {
  let found: RegExpExecArray | null = null;
  let screen = '';
  const isThere = async () => {
    screen = await terminal.screen();
    found = pattern.exec(screen);
    return found !== null;
  };
  await until(`${pattern} is on the screen`, isThere, longMs).catch((error: unknown) => {
    throw new Error(`${error instanceof Error ? error.message : error}. It shows:\n${screen}`);
  });
  return found as unknown as RegExpExecArray;
}

let commands = 0;
/** Waits until the newest command has ended. @returns its exit code */
async function ended(): Promise<number> {
  const [, code] = await shown(new RegExp(`^command ${commands} ended with (\\d+)$`, 'm'));
  return Number(code);
}
/** Types a command once the one before it has ended: what is typed earlier is for that one, or is lost with its terminal's mode. */
async function command(line: string): Promise<void> {
  if (commands > 0) await ended();
  commands++;
  terminal.type(`clear; ${line}; echo "command ${commands} ended with $?"`, 'Enter');
}

/** Another client of the same user. `next` gives the first offset that it receives from then on. */
function follow(topic: string) {
  const offsets: bigint[] = [];
  const client = openClient({
    transport: nodeTransport({ address: `localhost:${environment.env.PORTICO_PUBLIC__PORT}`, ca: readFileSync(join(folder, '.portico/tls/ca.pem')) }),
    tokens: memoryTokenStore(),
    clock: systemClock,
    random: Math.random,
    onNotice: (notice: Notice) => {
      if (notice.kind === 'event') offsets.push(notice.event.offset);
    },
  });
  return {
    open: async () => {
      const device = { platform: 'desktop', name: 'a test', installationId: '' };
      await client.session.signIn({ identity: { $case: 'dev', value: { user: 'alice', scopes: [] } }, device });
      client.live.dispatch({ type: 'subscribe', topic });
      client.live.dispatch({ type: 'start' });
    },
    next: async (): Promise<bigint> => {
      const { length } = offsets;
      await until(`an event of ${topic}`, () => offsets.length > length, longMs);
      return offsets.at(-1) as bigint;
    },
    close: client.close,
  };
}

test('the home screen and the couriers are live; offline and back, it has what it missed; then it quits', async () => {
  await command(`${phone}`);
  // the newest order, which is under way for longer than a test takes
  const [, orderId = ''] = await shown(/● live[\s\S]* Hello Alice Marlow .*\n \d {2}(\d+) {2}/);
  const hasEvent = async (least: bigint) =>
    [...(await terminal.screen()).matchAll(/ delivery:(\d+) #(\d+) {2}51\.\d{5} 12\.\d{5}, \d+ min/g)].some(
      ([, id, offset]) => id === orderId && BigInt(offset ?? 0) >= least,
    );
  await until('a position is on the screen', () => hasEvent(1n), longMs);
  const other = follow(`delivery:${orderId}`);
  try {
    await other.open();
    terminal.type('o');
    await shown(/● offline[\s\S]*o: online/);
    await other.next();
    const missed = await other.next(); // it was published after the connection was closed
    assert.equal(await hasEvent(missed), false);
    terminal.type('o');
    await shown(/● live +recovered: yes/);
    const present = await other.next();
    await until('a later position is on the screen', () => hasEvent(present), longMs);
  } finally {
    other.close();
  }
  terminal.type('q');
  assert.equal(await ended(), 0);
  assert.doesNotMatch(await terminal.screen(), /Alice Marlow/);
});

/** Another user, on the client of src/client. */
function openOther(user: string) {
  const client = openClient({
    transport: nodeTransport({ address: `localhost:${environment.env.PORTICO_PUBLIC__PORT}`, ca: readFileSync(join(folder, '.portico/tls/ca.pem')) }),
    tokens: memoryTokenStore(),
    clock: systemClock,
    random: Math.random,
  });
  const conversation = () => [...client.chat.state.conversations.values()].at(-1);
  return {
    open: async () => {
      const device = { platform: 'desktop', name: 'a test', installationId: '' };
      await client.session.signIn({ identity: { $case: 'dev', value: { user, scopes: [] } }, device });
      client.chat.dispatch({ type: 'start' });
    },
    texts: () => (conversation()?.events ?? []).flatMap(({ what }) => (what?.$case === 'message' ? [what.value.content?.text] : [])),
    read: () => {
      const chatting = conversation();
      if (chatting !== undefined) client.chat.dispatch({ type: 'read', conversationId: chatting.conversation.id, seq: chatting.last?.seq ?? 0n });
    },
    post: (text: string) => {
      const what = { $case: 'message', value: { content: textContent(text), replyToSeq: 0n } } as const;
      const conversationId = conversation()?.conversation.id ?? '';
      client.chat.dispatch({ type: 'post', request: { conversationId, entry: { clientId: randomUUID(), what } } });
    },
    attach: async (name: string, bytes: Uint8Array) => {
      const [attachmentId, conversationId] = [randomUUID(), conversation()?.conversation.id ?? ''];
      await client.media.upload({ attachmentId, conversationId, name, content: bytesContent(bytes) });
      const what = { $case: 'message', value: { content: textContent('', [attachmentId]), replyToSeq: 0n } } as const;
      client.chat.dispatch({ type: 'post', request: { conversationId, entry: { clientId: randomUUID(), what } } });
    },
    attached: async () => {
      const { what } = conversation()?.events.at(-1) ?? {};
      const [attachment] = what?.$case === 'message' ? (what.value.content?.attachments ?? []) : [];
      if (attachment === undefined) return undefined;
      const pieces: Uint8Array[] = [];
      await client.media.download({ attachmentId: attachment.id, write: (bytes) => void pieces.push(bytes) });
      return { name: attachment.name, bytes: Buffer.concat(pieces) };
    },
    close: client.close,
  };
}

test('two users chat: messages come, wait for the network, and are read', async () => {
  await command(`${portico} phone`);
  await shown(/● live[\s\S]*c: chats {3}q: quit/);
  const bob = openOther('bob');
  try {
    await bob.open();
    terminal.type('c');
    await shown(/alice · chats[\s\S]*No conversations yet\./);
    terminal.type('n');
    await shown(/Chat with:/);
    terminal.type('bob', 'Enter');
    await shown(/› bob/);
    terminal.type('Enter');
    await shown(/alice · bob[\s\S]*Enter: send/);
    terminal.type('-l', 'Where is my parcel?');
    await shown(/> Where is my parcel\?/);
    terminal.type('Enter');
    await shown(/alice: Where is my parcel\? {2}✓/);
    await until('it came', () => bob.texts().length === 1, longMs);
    bob.post('On its way.');
    await shown(/bob: On its way\./);
    bob.read();
    await shown(/alice: Where is my parcel\? {2}✓✓ read/);

    terminal.type('Escape');
    await shown(/› bob/);
    terminal.type('o');
    await shown(/● offline/);
    bob.post('At your door.');
    await shown(/Push: bob: a new message/);
    terminal.type('Enter');
    await shown(/Enter: send/);
    terminal.type('-l', 'Thank you');
    terminal.type('Enter');
    await shown(/alice: Thank you {2}…/);
    terminal.type('Escape');
    await shown(/› bob/);
    terminal.type('o');
    await shown(/● live/);
    await shown(/› bob/);
    terminal.type('Enter');
    await shown(/bob: At your door\.[\s\S]*alice: Thank you {2}✓/);
    await until('all came', () => bob.texts().length === 4, longMs);
    assert.deepEqual(bob.texts(), ['Where is my parcel?', 'On its way.', 'At your door.', 'Thank you']);

    await until('what was read needs no notification', async () => !(await terminal.screen()).includes('Push:'), longMs);
    terminal.type('-l', '/search parcel');
    terminal.type('Enter');
    await shown(/Found: 1 message with parcel\n +alice: Where is my parcel\?/);

    const photo = jpeg(200_000);
    await bob.attach('door.jpg', photo);
    await shown(/bob: \[1: door\.jpg, image\/jpeg, 195\.3 KiB\]/);
    terminal.type('-l', `/save 1 ${folder}`);
    terminal.type('Enter');
    await shown(/door\.jpg is saved\./);
    assert.ok(readFileSync(join(folder, 'door.jpg')).equals(photo));
    terminal.type('-l', `/save 1 ${join(folder, 'door.jpg')}`);
    terminal.type('Enter');
    await shown(/EEXIST/);
    terminal.type('-l', `/attach ${join(folder, 'door.jpg')}`);
    terminal.type('Enter');
    await shown(/alice: \[1: door\.jpg, image\/jpeg, 195\.3 KiB\] {2}✓/);
    await until('it came', async () => (await bob.attached())?.bytes.equals(photo) === true, longMs);
    terminal.type('-l', `/attach ${join(folder, 'nothing.jpg')}`);
    terminal.type('Enter');
    await shown(/ENOENT/);

    terminal.type('-l', '/report It never came');
    terminal.type('Enter');
    await shown(/The message is reported\./);
    await until('the service of the company has it', () => /alice has reported message \d+ of bob in \S+: \w+/.test(server.output()), longMs);

    terminal.type('Escape');
    await shown(/› bob/);
    bob.post('Bye');
    await shown(/› bob \(1\)/);
    terminal.type('Enter');
    await shown(/bob: Bye/);
    terminal.type('-l', '/block');
    terminal.type('Enter');
    await shown(/\(hidden\)[\s\S]*bob is blocked\. \/unblock bob ends it\./);
    assert.doesNotMatch(await terminal.screen(), /bob: Bye/);
    terminal.type('-l', '/unblock bob');
    terminal.type('Enter');
    await shown(/bob: Bye[\s\S]*bob is not blocked\./);
    terminal.type('Escape');
    await shown(/› bob/);
    bob.post('One more');
    await shown(/› bob \(1\)/);
    terminal.type('c');
    await shown(/c: chats \(1\) {3}q: quit/);
    terminal.type('q');
    assert.equal(await ended(), 0);
  } finally {
    bob.close();
  }
});

const endings = {
  'Ctrl-C': () => terminal.type('C-c'),
  'a signal': () => process.kill(Number(readFileSync(join(folder, 'pid'), 'utf8')), 'SIGTERM'),
  'a crash': () => process.kill(Number(readFileSync(join(folder, 'pid'), 'utf8')), 'SIGUSR2'),
};
for (const [what, end] of Object.entries(endings))
  test(`${what} leaves the terminal as it was`, async () => {
    const crashing = `--import 'data:text/javascript,process.once("SIGUSR2",()=>{throw Error("a defect")})'`;
    const script = `echo $$ > '${folder}/pid'; exec '${process.execPath}' ${crashing} '${join(root, 'src/main.ts')}' phone`;
    writeFileSync(join(folder, 'phone.sh'), script);
    await command(`stty -g; sh '${folder}/phone.sh'; stty -g`);
    await shown(/● live/);
    assert.deepEqual(await terminal.modes(), { alternate: true, cursor: false });
    end();
    await ended();
    assert.deepEqual(await terminal.modes(), { alternate: false, cursor: true });
    const settings = (await terminal.screen()).split('\n').filter((line) => /^[\da-f]+(?::[\da-f]+)+$/.test(line));
    assert.equal(settings.length, 2);
    assert.equal(settings[0], settings[1]);
  });

test('a server that lost its events is shown as such, and the next subscription as whole', async () => {
  await command(`${portico} phone`);
  await shown(/● live[\s\S]* #\d+ {2}51\./);
  await server.stop();
  await shown(/● waiting[\s\S]*r: try again now/);
  server = await startServer(dev, folder, environment);
  terminal.type('r');
  await shown(/● live +recovered: no[\s\S]* delivery:\d+ recovered: no/);
  await shown(/recovered: no[\s\S]* #\d+ {2}51\./);
  terminal.type('o');
  await shown(/● offline/);
  terminal.type('o');
  await shown(/● live +recovered: yes/);
  terminal.type('q');
  assert.equal(await ended(), 0);
});

test('a server that is not there, a name that none can have, and a missing terminal get a line each', async () => {
  const refusals = [
    [
      '--address localhost:1',
      /^portico: https:\/\/localhost:1 does not answer: connect ECONNREFUSED .*:1\. Start it with `npm start`, or name another server with --address\.$/,
      3,
    ],
    ["--user 'A b'", /^portico: --user A b: The request breaks a rule: /, 64],
    ['--app-version 0.0.9', /^portico: https:\/\/\S+ refuses the sign-in: APP_UPDATE_REQUIRED: /, 1],
    ['--address nonsense', /^portico: --address nonsense: a host and a port are needed, such as localhost:8443\.$/, 64],
    ['--ca nothing.pem', /^portico: --ca: ENOENT: no such file or directory, open 'nothing\.pem'$/, 2],
    [
      '--set dataDir=nowhere',
      /^portico: .*\/nowhere\/tls\/ca\.pem, the certificate authority of `portico dev`, does not exist: start the server with `npm start` first\.$/,
      3,
    ],
    ['< /dev/null', /^portico: `portico phone` draws on a terminal and reads its keys: its input and output are none here\.$/, 64],
  ] as const;
  for (const [flags, line, code] of refusals) {
    await command(`${portico} phone ${flags}`);
    assert.equal(await ended(), code, flags);
    const lines = (await terminal.screen()).split('\n');
    const at = lines.findIndex((text) => text.startsWith('portico: '));
    assert.match(lines[at] ?? '', line);
    assert.match(lines[at + 1] ?? '', /^command \d+ ended with/);
  }
});
