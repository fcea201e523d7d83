import type { Notice } from '../../client/live/state.ts';
import type { PushAction } from '../../client/push/step.ts';
import type { Phase } from '../../client/stream/connection.ts';
import { GetHomeResponse } from '../../gen/app/v1/home.ts';
import { TrackResponse } from '../../gen/couriers/v1/courier.ts';

/** What the screen shows. */
export type Contents = {
  readonly user: string;
  readonly phase: Phase;
  /** Whether the present stream has brought every event since the last one; undefined: nothing was to be recovered. */
  readonly recovered: boolean | undefined;
  readonly home: GetHomeResponse | undefined;
  /** How the home screen is not the newest whole one; empty: it is. */
  readonly homeLacks: string;
  /** By the order's id. */
  readonly couriers: ReadonlyMap<string, TrackResponse>;
  /** Topics that a stream has subscribed, whose positions are kept. */
  readonly known: ReadonlySet<string>;
  /** Messages of all conversations that the user has not read. */
  readonly unread: number;
  /** The notification that was shown last, until it is removed. Empty: there is none. */
  readonly pushed: string;
  /** The newest last. */
  readonly lines: readonly string[];
};

/** Lines that are kept: more than any terminal shows. */
const linesMax = 200;
const topicPrefix = 'delivery:';

/** Before anything was received. */
export function emptyContents(user: string): Contents {
  const none = new Map<string, TrackResponse>();
  return {
    user,
    phase: 'stopped',
    recovered: undefined,
    home: undefined,
    homeLacks: '',
    couriers: none,
    known: new Set(),
    unread: 0,
    pushed: '',
    lines: [],
  };
}

/** The topics of the orders on the home screen. */
export function topicsOf({ home }: Contents): readonly string[] {
  return (home?.orders?.orders ?? []).map(({ orderId }) => topicPrefix + orderId);
}

/** What a push changes: the notification that is shown. @param title of its conversation */
export function withPush(before: Contents, action: PushAction, title: string, time: string): Contents {
  const withLine = (contents: Contents, line: string) => ({ ...contents, lines: [...contents.lines, `${time}  ${clean(line)}`].slice(-linesMax) });
  switch (action.do) {
    case 'show': {
      const { push } = action;
      const said = [push.title, push.body].filter((text) => text.trim() !== '').join(': ');
      const pushed = push.kind === 'message' ? `${title}: ${push.body.trim() || 'a new message'}` : said;
      return withLine({ ...before, pushed }, `push: ${pushed}`);
    }
    case 'remove':
    case 'removeAll':
      return before.pushed === '' ? before : withLine({ ...before, pushed: '' }, 'push: removed');
    case 'handle':
      return withLine(before, `push: ${JSON.stringify(action.push.data)}`);
    default:
      return before;
  }
}

/** What a notice of the client changes. @param time as shown, such as "12:00:59" */
export function withNotice(before: Contents, notice: Notice, time: string): Contents {
  const { contents, line } = changed(before, notice);
  return line === '' ? contents : { ...contents, lines: [...contents.lines, `${time}  ${clean(line)}`].slice(-linesMax) };
}

type Change = { readonly contents: Contents; readonly line: string };

function changed(before: Contents, notice: Notice): Change {
  switch (notice.kind) {
    case 'phase':
      return {
        contents: { ...before, phase: notice.phase, recovered: notice.phase === 'connecting' ? undefined : before.recovered },
        line: notice.phase,
      };
    case 'subscribed':
      return subscribed(before, notice);
    case 'event': {
      const courier = TrackResponse.decode(notice.event.payload);
      const couriers = new Map(before.couriers).set(courier.orderId, courier);
      return { contents: { ...before, couriers }, line: `${notice.topic} #${notice.event.offset}  ${placeText(courier)}` };
    }
    case 'snapshot': {
      const home = GetHomeResponse.decode(notice.payload);
      const lacks = [...(notice.stale ? ['stale'] : []), ...home.missingParts.map(({ name, reason }) => `without ${name}: ${reason}`)].join(', ');
      const next = { ...before, home, homeLacks: lacks };
      const topics = new Set(topicsOf(next));
      const couriers = new Map([...before.couriers].filter(([orderId]) => topics.has(topicPrefix + orderId)));
      return { contents: { ...next, couriers }, line: `home screen ${lacks === '' ? notice.etag : lacks}` };
    }
    case 'current':
      return { contents: { ...before, homeLacks: '' }, line: 'home screen unchanged' };
    case 'topicClosed':
      return { contents: before, line: `${notice.topic} closed: ${notice.reason}` };
    case 'watchClosed':
      return { contents: { ...before, homeLacks: notice.reason }, line: `home screen closed: ${notice.reason}` };
    case 'startOver':
      return { contents: before, line: 'positions and etags dropped' };
    case 'refused':
      return { contents: { ...before, homeLacks: notice.reason }, line: `refused: ${notice.reason}` };
    case 'presence':
    case 'published':
      return { contents: before, line: '' };
  }
}

/** A topic that is new has nothing to recover. */
function subscribed(before: Contents, { topic, recovered }: Extract<Notice, { kind: 'subscribed' }>): Change {
  if (!before.known.has(topic)) return { contents: { ...before, known: new Set(before.known).add(topic) }, line: `${topic} subscribed` };
  const all = recovered && before.recovered !== false;
  return { contents: { ...before, recovered: all }, line: `${topic} recovered: ${recovered ? 'yes' : 'no'}` };
}

function placeText({ position, minutesLeft }: TrackResponse): string {
  return `${(position?.latitude ?? 0).toFixed(5)} ${(position?.longitude ?? 0).toFixed(5)}, ${minutesLeft} min`;
}

/** Text of a server without characters that would control the terminal. */
export function clean(text: string): string {
  return text.replace(/\p{C}/gu, ' ');
}
