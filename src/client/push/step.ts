import { type PushData, type Pushed, pushedOf } from './parse-push.ts';

export type PushState = {
  /** Whoever was signed in is not any more: what is still pushed was for that user. */
  readonly isSignedOut: boolean;
  /** Notifications of messages that are shown, by tag, the oldest first. */
  readonly shown: ReadonlyMap<string, { readonly conversationId: string; readonly seq: bigint }>;
  /** How far the user has read, on whatever device, by conversation. */
  readonly read: ReadonlyMap<string, bigint>;
  /** The conversation that is in front of the user. Empty: none. */
  readonly onScreen: string;
};

export const initialPushState: PushState = { isSignedOut: false, shown: new Map(), read: new Map(), onScreen: '' };

/** What happens to the pushes of an app. */
export type PushEvent =
  /** The process has started: the notifications that the platform still shows, as their pushes. */
  | { readonly type: 'restore'; readonly shown: readonly PushData[] }
  /** A push has come. */
  | { readonly type: 'pushed'; readonly data: PushData }
  /** The user has tapped a notification, which the platform removes. */
  | { readonly type: 'tapped'; readonly data: PushData }
  /** The user has removed a notification. */
  | { readonly type: 'dismissed'; readonly data: PushData }
  /** The screen shows this conversation. Empty: none, or the app is in the background. */
  | { readonly type: 'screen'; readonly conversationId: string }
  /** The user has read so far, here or as a chat stream says. */
  | { readonly type: 'read'; readonly conversationId: string; readonly seq: bigint }
  /** Unread messages of all conversations that are not muted, as the chat counts them once it is live. */
  | { readonly type: 'unread'; readonly count: number }
  | { readonly type: 'signedIn' }
  | { readonly type: 'signedOut' };

/** What the platform is to do. */
export type PushAction =
  /** Shows a notification in place of one with the same tag. @property alerts with a sound: not if the same is shown */
  | { readonly do: 'show'; readonly push: Shown; readonly alerts: boolean }
  /** Gives the app a notice that shows nothing. */
  | { readonly do: 'handle'; readonly push: Extract<Pushed, { kind: 'notice' }> }
  /** Opens what was tapped: a conversation at a message, or what a notice is about. */
  | { readonly do: 'open'; readonly push: Shown }
  /** Removes the notifications with these tags. */
  | { readonly do: 'remove'; readonly tags: readonly string[] }
  /** Removes all notifications of the app. */
  | { readonly do: 'removeAll' }
  /** Also if it was the same: the platform may have set another one meanwhile. */
  | { readonly do: 'badge'; readonly count: number }
  /** Connects the chat, which receives and confirms what was pushed. */
  | { readonly do: 'connect' };

type Shown = Extract<Pushed, { kind: 'message' | 'notice' }>;
type Step = { readonly state: PushState; readonly actions: readonly PushAction[] };

/** Android shows 50 notifications of an app, and drops what comes then: NotificationManagerService. */
const shownMax = 50;
/** Conversations of which it is known how far they were read. */
const readMax = 1_000;

/**
 * What an app does with its pushes, without platform and network: docs/mobile/push.md, whose push-cases.json has the
 * cases for clients in other languages. Pushes come in any order, more than once, or never.
 */
export function pushStep(state: PushState, event: PushEvent): Step {
  switch (event.type) {
    case 'restore':
      return restore(state, event.shown);
    case 'pushed':
      return pushed(state, pushedOf(event.data));
    case 'tapped':
      return tapped(state, pushedOf(event.data));
    case 'dismissed': {
      const push = pushedOf(event.data);
      return push?.kind === 'message' ? same(without(state, [push.tag])) : same(state);
    }
    case 'screen':
      return same({ ...state, onScreen: event.conversationId.toLowerCase() });
    case 'read':
      return state.isSignedOut ? same(state) : read(state, event.conversationId.toLowerCase(), event.seq);
    case 'unread':
      return state.isSignedOut ? same(state) : badge(state, event.count);
    case 'signedIn':
      return same(initialPushState);
    case 'signedOut': // the next user of the device sees nothing of this one
      return { state: { ...initialPushState, isSignedOut: true }, actions: [{ do: 'removeAll' }, { do: 'badge', count: 0 }] };
  }
}

function restore(state: PushState, all: readonly PushData[]): Step {
  const pushes = all.flatMap((data) => pushedOf(data) ?? []);
  return pushes.reduce((step: Step, push) => (push.kind === 'message' ? withShown(step, push) : step), same(state));
}

function pushed(state: PushState, push: Pushed | undefined): Step {
  if (push === undefined || state.isSignedOut) return same(state);
  switch (push.kind) {
    case 'read':
      return then(read(state, push.conversationId, push.seq), (next) => badge(next, push.badge));
    case 'notice': {
      const { state: next, actions } = badge(state, push.badge);
      const isSilent = push.title === '' && push.body === '';
      return { state: next, actions: [isSilent ? { do: 'handle', push } : { do: 'show', push, alerts: !push.quiet }, ...actions] };
    }
    case 'message': {
      if (push.seq <= (state.read.get(push.conversationId) ?? 0n)) return same(state); // overtaken, and so is its badge
      const connect: PushAction = { do: 'connect' };
      if (state.onScreen === push.conversationId) return { state, actions: [connect] };
      const alerts = !push.quiet && !state.shown.has(push.tag);
      const step: Step = { state, actions: [{ do: 'show', push, alerts }] };
      const { state: next, actions } = then(withShown(step, push), (after) => badge(after, push.badge));
      return { state: next, actions: [...actions, connect] };
    }
  }
}

function tapped(state: PushState, push: Pushed | undefined): Step {
  if (push === undefined || push.kind === 'read' || state.isSignedOut) return same(state);
  if (push.kind === 'notice') return { state, actions: [{ do: 'open', push }] };
  return { state: without(state, [push.tag]), actions: [{ do: 'open', push }, { do: 'connect' }] };
}

/** What was read needs no notification, and what is pushed of it later neither. */
function read(state: PushState, conversationId: string, seq: bigint): Step {
  if (seq <= (state.read.get(conversationId) ?? 0n)) return same(state);
  const all = new Map(state.read);
  all.delete(conversationId); // so that the newest is last
  all.set(conversationId, seq);
  const [oldest] = all.keys();
  if (all.size > readMax && oldest !== undefined) all.delete(oldest);
  const tags = [...state.shown].filter(([, each]) => each.conversationId === conversationId && each.seq <= seq).map(([tag]) => tag);
  return { state: { ...without(state, tags), read: all }, actions: tags.length === 0 ? [] : [{ do: 'remove', tags }] };
}

function badge(state: PushState, count: number | undefined): Step {
  return count === undefined ? same(state) : { state, actions: [{ do: 'badge', count }] };
}

function withShown({ state, actions }: Step, { tag, conversationId, seq }: Extract<Pushed, { kind: 'message' }>): Step {
  const shown = new Map(without(state, [tag]).shown).set(tag, { conversationId, seq });
  const [oldest] = shown.keys();
  if (shown.size <= shownMax || oldest === undefined) return { state: { ...state, shown }, actions };
  shown.delete(oldest);
  return { state: { ...state, shown }, actions: [{ do: 'remove', tags: [oldest] }, ...actions] };
}

function without(state: PushState, tags: readonly string[]): PushState {
  const shown = new Map(state.shown);
  for (const tag of tags) shown.delete(tag);
  return { ...state, shown };
}

const same = (state: PushState): Step => ({ state, actions: [] });

function then({ state, actions }: Step, next: (state: PushState) => Step): Step {
  const after = next(state);
  return { state: after.state, actions: [...actions, ...after.actions] };
}
