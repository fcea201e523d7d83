import { styleText } from 'node:util';
import { type Item, itemsOf } from '../../client/chat/shown-items.ts';
import type { ChatState, Chatting } from '../../client/chat/state.ts';
import { unreadOf } from '../../client/chat/unread.ts';
import type { Attachment } from '../../gen/portico/v1/media.ts';
import { attachmentsIn, attachmentText } from './attachments.ts';
import { listed, type View } from './chat-view.ts';
import { dim, fit, head, type Size } from './draw-screen.ts';
import { clean } from './screen-contents.ts';

type ChatView = Exclude<View, { at: 'home' }>;
const marks = { stored: '✓', delivered: '✓✓', read: '✓✓ read' } as const;

/** Beside the chat: who is signed in, the push that came last, and what a command has answered. */
export type Around = { readonly user: string; readonly pushed: string; readonly answer: readonly string[] };

/** The screens of the chat: the list of conversations, one of them, and the question for a new one. */
export function drawChat(state: ChatState, view: ChatView, { columns, rows }: Size, { user, pushed, answer }: Around): string {
  const chatting = view.at === 'chat' ? state.conversations.get(view.conversationId) : undefined;
  const title = chatting === undefined ? 'chats' : titleOf(chatting, user);
  const here = chatting === undefined ? '' : presentIn(chatting, user);
  const top = head({ user: `${user} · ${title}${here}`, phase: state.phase, recovered: undefined, pushed }, columns);
  const { body, below } = view.at === 'chat' ? conversation(state, chatting, { draft: view.draft, answer }, columns) : list(state, view, columns);
  const room = Math.max(1, rows - top.length - below.length);
  const shown = view.at === 'chat' ? body.slice(-room) : body.slice(0, room);
  const empty = Array.from({ length: room - shown.length }, () => '');
  return [...top, ...(view.at === 'chat' ? [...empty, ...shown] : [...shown, ...empty]), ...below].join('\n');
}

type Parts = { readonly body: readonly string[]; readonly below: readonly string[] };

function list(state: ChatState, view: Exclude<ChatView, { at: 'chat' }>, columns: number): Parts {
  const all = listed(state);
  const body = all.map((chatting, i) => {
    const unread = unreadOf(chatting, state.userId);
    const last = itemsOf(state, chatting).at(-1);
    const cursor = view.at === 'chats' && i === Math.min(view.selected, all.length - 1) ? '›' : ' ';
    const line = fit(
      `${cursor} ${titleOf(chatting, state.userId)}${unread > 0 ? ` (${unread})` : ''}  ${last === undefined ? '' : textOf(last, state.userId)}`,
      columns,
    );
    return unread > 0 ? styleText('bold', line) : line;
  });
  const below =
    view.at === 'new'
      ? [fit(` Chat with: ${view.draft}▏`, columns), ' Enter: create   Esc: back']
      : ['', ' ↑ ↓ Enter: read   n: new   c: home   o: network   q: quit'];
  return {
    body: body.length === 0 ? [dim(fit(' No conversations yet.', columns))] : body,
    below: [below[0] ?? '', dim(fit(below[1] ?? '', columns))],
  };
}

function conversation(
  state: ChatState,
  chatting: Chatting | undefined,
  { draft, answer }: { readonly draft: string; readonly answer: readonly string[] },
  columns: number,
): Parts {
  const items = chatting === undefined ? [] : itemsOf(state, chatting);
  const numbers = new Map(attachmentsIn(chatting ?? { events: [] }).map((one, i) => [one, i + 1]));
  const body = items.flatMap((item) =>
    wrapped(textOf(item, state.userId, numbers), columns - 2).map((line) => ` ${item.kind === 'message' ? line : dim(line)}`),
  );
  const typing = chatting === undefined || chatting.typing.length === 0 ? '' : ` ${chatting.typing.join(', ')}: typing …`;
  const [space] = [columns - 5];
  const below = [
    ...answer.map((line) => styleText('yellow', fit(` ${line}`, columns))),
    dim(fit(typing, columns)),
    ` > ${[...clean(draft)].slice(-space).join('')}▏`,
    dim(fit(' Enter: send   ↑: older   /help   Esc: back', columns)),
  ];
  return { body, below };
}

/** A group's title; of a direct conversation the other user. */
export function titleOf({ conversation: { title, subject, id }, events }: Chatting, userId: string): string {
  if (title !== '' || subject !== '') return title || subject;
  const others = events.flatMap(({ what }) => (what?.$case === 'membersChanged' ? what.value.changes.map((change) => change.userId) : []));
  return others.find((user) => user !== userId) ?? id.slice(-8);
}

/** Who else is there: names where they fit. */
function presentIn({ present }: Chatting, userId: string): string {
  const others = present?.users?.filter((user) => user !== userId) ?? [];
  if (present === undefined || present.count < 2) return '';
  return others.length > 0 && others.length < 4 ? ` · ${others.join(', ')} here` : ` · ${present.count - 1} others here`;
}

/** @param numbers of attachments, for whoever saves one */
function textOf(item: Item, userId: string, numbers?: ReadonlyMap<Attachment, number>): string {
  switch (item.kind) {
    case 'message': {
      const reactions = Array.from(item.reactions, ([reaction, count]) => ` [${reaction} ${count}]`).join('');
      const who = item.reached === undefined ? (item.sender?.id ?? '?') : userId;
      const mark = item.reached === undefined ? '' : `  ${marks[item.reached]}`;
      const attached = item.attachments.map((one) => `[${[numbers?.get(one) ?? [], attachmentText(one)].flat().join(': ')}]`);
      const said = [item.text ?? '(deleted)', ...attached].filter((part) => part !== '').join(' ');
      return `${who}: ${said}${item.isEdited ? ' (edited)' : ''}${reactions}${mark}`;
    }
    case 'queued':
      return `${userId}: ${item.text}${item.attachments > 0 ? ` [attachments: ${item.attachments}]` : ''}  …`;
    case 'members':
      return item.changes.map(({ userId: member, role }) => `${member} ${role === 0 ? 'has left' : 'is a member'}`).join(', ');
    case 'hidden':
      return '(hidden)';
    case 'gap':
      return '⋮ messages are missing here';
  }
}

/** Lines of a text, none wider. */
function wrapped(text: string, columns: number): readonly string[] {
  const characters = [...clean(text)];
  const lines = Array.from({ length: Math.max(1, Math.ceil(characters.length / columns)) }, (_, i) =>
    characters.slice(i * columns, (i + 1) * columns),
  );
  return lines.map((line) => line.join(''));
}
