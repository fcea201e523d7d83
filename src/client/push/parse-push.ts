/** What a push says, as texts by name: `data` of FCM, or what `apnsData` makes of a payload of APNs. */
export type PushData = Readonly<Record<string, string>>;

/** A push, whatever the platform. */
export type Pushed =
  | ({
      readonly kind: 'message';
      readonly conversationId: string;
      readonly seq: bigint;
    } & Alert)
  /** The user has read the conversation up to `seq` on another device. */
  | { readonly kind: 'read'; readonly conversationId: string; readonly seq: bigint; readonly badge: number | undefined }
  /** @property data what an internal service or a screen has given for the app */
  | ({ readonly kind: 'notice'; readonly data: Readonly<Record<string, string>> } & Alert);

type Alert = {
  /** The same push again has the same tag. So has one that takes the place of another. */
  readonly tag: string;
  /** Both empty: a message of which the push has the place only, or a notice that shows nothing. */
  readonly title: string;
  readonly body: string;
  /** It makes no sound. */
  readonly quiet: boolean;
  /** Unread messages of all conversations that are not muted. Undefined: the push does not say it. */
  readonly badge: number | undefined;
};

/** Undefined: it is of a kind that this client does not know, or not of Portico. */
export function pushedOf(data: PushData): Pushed | undefined {
  const { kind, title = '', body = '', quiet } = data;
  const badge = /^\d{1,9}$/.test(data.badge ?? '') ? Number(data.badge) : undefined;
  if (kind === 'notice') return { kind, data: textsOf(data.data), tag: data.tag ?? '', title, body, quiet: quiet === 'true', badge };
  const conversationId = (data.conversation_id ?? '').toLowerCase();
  if ((kind !== 'message' && kind !== 'read') || conversationId === '' || !/^[1-9]\d{0,15}$/.test(data.seq ?? '')) return undefined;
  const seq = BigInt(data.seq ?? '');
  if (kind === 'read') return { kind, conversationId, seq, badge };
  return { kind, conversationId, seq, tag: data.tag || `${conversationId}:${seq}`, title, body, quiet: quiet === 'true', badge };
}

/**
 * A push of APNs in the form of one of FCM.
 * @param payload `userInfo` of the notification
 * @param identifier of the notification's request: its `apns-collapse-id`, if the server has set one
 */
export function apnsData(payload: Readonly<Record<string, unknown>>, identifier = ''): PushData {
  const { portico, aps } = payload as { portico?: Record<string, unknown>; aps?: Record<string, unknown> };
  const { title, body } = (typeof aps?.alert === 'object' ? aps.alert : {}) as Record<string, unknown>;
  const quiet = aps?.['interruption-level'] === 'passive' ? 'true' : undefined;
  const all = { title, body, quiet, tag: identifier === '' ? undefined : identifier, ...portico };
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

/** An object of texts as JSON, without what is none. */
function textsOf(json = ''): Readonly<Record<string, string>> {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== 'object' || value === null) return {};
    return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
  } catch {
    return {}; // a notice without data
  }
}
