import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { type ChatState, type Chatting, initialState } from '../../client/chat/state.ts';
import { step } from '../../client/chat/step.ts';
import { ChatEvent, Conversation, PostRequest } from '../../gen/portico/v1/chat.ts';
import { onKey, unreadIn, type View, type Wish } from './chat-view.ts';
import { type Around, drawChat } from './draw-chat.ts';

const id = '11111111-1111-4111-8111-111111111111';
const message = (seq: bigint, user: string, text: string | undefined) =>
  ChatEvent.fromPartial({
    seq,
    eventId: `e${seq}`,
    sender: { kind: 1, id: user },
    what: { $case: 'message', value: { number: seq, ...(text !== undefined && { content: { text } }) } },
  });
const events = [
  ChatEvent.fromPartial({
    seq: 1n,
    what: {
      $case: 'membersChanged',
      value: {
        changes: [
          { userId: 'alice', role: 1 },
          { userId: 'bob', role: 1 },
        ],
      },
    },
  }),
  message(2n, 'bob', `hello \u001B[2J${'long '.repeat(40)}`),
  message(4n, 'alice', 'hi'),
  ChatEvent.fromPartial({ seq: 5n, sender: { kind: 1, id: 'bob' }, what: { $case: 'reacted', value: { targetSeq: 4n, reaction: '+1' } } }),
  message(6n, 'bob', undefined),
];
const kept = {
  conversations: [
    { conversation: Conversation.fromPartial({ id, own: { unread: 2, asOfSeq: 6n, readSeq: 1n } }), readSeq: 0n, events, isSynced: false },
  ],
  ownSeq: 1n,
  syncToken: '',
  queue: [
    PostRequest.fromPartial({ conversationId: id, entry: { clientId: 'q', what: { $case: 'message', value: { content: { text: 'waits' } } } } }),
  ],
};
const chance = { nowMs: 0, random: 0 };
const state: ChatState = step(initialState, { type: 'restore', userId: 'alice', kept }, chance).state;
const chat: View = { at: 'chat', conversationId: id, draft: '' };
const linesOf = (view: Exclude<View, { at: 'home' }>, columns: number, rows: number, around: Partial<Around> = {}) =>
  stripVTControlCharacters(drawChat(state, view, { columns, rows }, { user: 'alice', pushed: '', answer: [], ...around })).split('\n');

/** Types keys by name, or text. */
function typed(view: View, ...keys: readonly string[]): { readonly view: View; readonly wishes: readonly Wish[] } {
  const wishes: Wish[] = [];
  let now = view;
  for (const key of keys) {
    const next = onKey(now, { name: key === ' ' ? 'space' : key, text: [...key].length === 1 ? key : '' }, state);
    if (next.wish !== undefined) wishes.push(next.wish);
    now = next.view;
  }
  return { view: now, wishes };
}

test('the list has the title, the unread count and the newest line of each conversation', () => {
  const lines = linesOf({ at: 'chats', selected: 7 }, 60, 12);
  assert.equal(lines[2], '› bob (2)  alice: waits  …');
  assert.equal(unreadIn(state), 2);
});

test('a conversation shows its members, messages, gaps, reactions, and what waits', () => {
  assert.deepEqual(
    linesOf({ ...chat, draft: 'so' }, 60, 16)
      .slice(2)
      .map((line) => line.trimEnd()),
    [
      '',
      '',
      ' alice is a member, bob is a member',
      ` bob: hello  [2J${'long '.repeat(8)}lon`,
      ` g ${'long '.repeat(11)}l`,
      ` ong ${'long '.repeat(11)}`.trimEnd(),
      `  ${'long '.repeat(8)}`.trimEnd(),
      ' ⋮ messages are missing here',
      ' alice: hi [+1 1]  ✓',
      ' bob: (deleted)',
      ' alice: waits  …',
      '',
      ' > so▏',
      ' Enter: send   ↑: older   /help   Esc: back',
    ],
  );
});

test('a conversation says who else is there: few by name, many by number', () => {
  const chatting = state.conversations.get(id) as Chatting;
  const headOf = (present: Chatting['present']) => {
    const now = { ...state, conversations: new Map([[id, { ...chatting, present }]]) };
    return stripVTControlCharacters(drawChat(now, chat, { columns: 80, rows: 12 }, { user: 'alice', pushed: '', answer: [] }))
      .split('\n')
      .slice(0, 2)
      .join(' ');
  };
  assert.match(headOf({ count: 3, users: ['alice', 'bob', 'cy'] }), /alice · bob · bob, cy here/);
  assert.match(headOf({ count: 121, users: undefined }), /alice · bob · 120 others here/);
  for (const none of [undefined, { count: 1, users: ['alice'] }]) assert.doesNotMatch(headOf(none), /here/);
});

test('a screen of any size is filled, and no line is wider than it', () => {
  for (const view of [chat, { at: 'chats', selected: 0 }, { at: 'new', draft: 'x'.repeat(500) }, { ...chat, draft: 'y'.repeat(500) }] as const)
    for (const columns of [36, 80, 200])
      for (const rows of [12, 24, 60]) {
        const around =
          columns === 80 ? { pushed: `bob: ${'long '.repeat(50)}`, answer: Array.from({ length: 6 }, () => 'z'.repeat(300)) } : undefined;
        const lines = linesOf(view, columns, rows, around);
        assert.equal(lines.length, rows);
        for (const line of lines) assert.ok([...line].length <= columns, `${columns}: ${line}`);
      }
});

test('keys lead from screen to screen, and letters are text where text is typed', () => {
  assert.deepEqual(typed({ at: 'home' }, 'c', 'n', 'b', 'o', 'q', 'backspace', 'return'), {
    view: { at: 'chats', selected: 0 },
    wishes: [{ do: 'create', user: 'bo' }],
  });
  assert.deepEqual(typed({ at: 'home' }, 'c', 'down', 'up', 'return').view, chat);
  const { view, wishes } = typed(chat, 'q', ' ', 'o', 'up', 'return', 'return', 'escape', 'escape', 'q');
  assert.deepEqual(view, { at: 'home' });
  assert.deepEqual(
    wishes.filter((wish) => wish.do !== 'typing'),
    [{ do: 'load', conversationId: id }, { do: 'post', conversationId: id, text: 'q o' }, { do: 'quit' }],
  );
  assert.deepEqual(typed({ at: 'new', draft: '' }, 'return', 'o').wishes, [{ do: 'toggleNetwork' }]);
});

test('a draft that begins with a slash is a command, whose answer and the newest push stand around the chat', () => {
  const enter = (draft: string) => onKey({ ...chat, draft }, { name: 'return', text: '' }, state).wish;
  const commands: Readonly<Record<string, unknown>> = {
    '/search two  words ': { do: 'search', conversationId: id, query: 'two  words' },
    '/block': { do: 'block', user: 'bob' },
    '/block carol': { do: 'block', user: 'carol' },
    '/unblock bob': { do: 'unblock', user: 'bob' },
    '/report it is rude': { do: 'report', conversationId: id, seq: 6n, comment: 'it is rude' },
    '/search': { do: 'help' },
    '/attach ../my photo.jpg': { do: 'attach', conversationId: id, path: '../my photo.jpg' },
    '/attach': { do: 'help' },
    '/save': { do: 'help' }, // there is none
    '/': { do: 'help' },
    '/constructor': { do: 'help' },
  };
  for (const [draft, command] of Object.entries(commands)) assert.deepEqual(enter(draft), { do: 'command', command }, draft);
  assert.deepEqual(enter('and/or'), { do: 'post', conversationId: id, text: 'and/or' });
  const lines = linesOf(chat, 60, 16, { pushed: 'bob: \u001B[2Jhi', answer: ['bob is blocked.'] });
  assert.equal(lines[1], ' Push: bob:  [2Jhi ');
  assert.equal(lines.at(-4), ' bob is blocked.');
});

test('attachments stand in their message with a number, the newest first, by which one is saved', () => {
  const attachment = (name: string, sizeBytes: bigint) => ({ id: `id of ${name}`, name, contentType: 'image/png', sizeBytes });
  const said = (seq: bigint, user: string, text: string, attachments: readonly ReturnType<typeof attachment>[]) =>
    ChatEvent.fromPartial({
      seq,
      sender: { kind: 1, id: user },
      what: { $case: 'message', value: { number: seq, content: { text, attachments: [...attachments] } } },
    });
  const chatting = state.conversations.get(id) as Chatting;
  const shown = [
    said(2n, 'bob', 'see', [attachment('a.png', 2_048n), attachment('\u001B[2J', 3n * 1_048_576n)]),
    said(3n, 'alice', '', [attachment('', 12n)]),
  ];
  const now = { ...state, conversations: new Map([[id, { ...chatting, events: shown }]]) };
  const lines = stripVTControlCharacters(drawChat(now, chat, { columns: 90, rows: 16 }, { user: 'alice', pushed: '', answer: [] })).split('\n');
  assert.deepEqual(
    lines.filter((line) => line.includes('image/png')),
    [' bob: see [3: a.png, image/png, 2.0 KiB] [2:  [2J, image/png, 3.0 MiB]', ' alice: [1: image/png, 12 B]  ✓'],
  );
  const enter = (draft: string) => {
    const { wish } = onKey({ ...chat, draft }, { name: 'return', text: '' }, now);
    const command = wish?.do === 'command' ? wish.command : undefined;
    return command?.do === 'save' ? `${command.attachment.id} to ${command.path}` : command?.do;
  };
  assert.equal(enter('/save'), 'id of  to ');
  assert.equal(enter('/save 3'), 'id of a.png to ');
  assert.equal(enter('/save 3 my photos'), 'id of a.png to my photos');
  assert.equal(enter('/save 3d.png'), 'id of  to 3d.png');
  assert.equal(enter('/save 4'), 'help');
});
