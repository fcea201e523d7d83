import { DeviceServiceDefinition, type QuietHours, type RegisterPushTokenRequest } from '../../gen/portico/v1/device.ts';
import { CallError } from '../call-error.ts';
import type { Calls } from '../calls.ts';
import type { Session } from '../session.ts';
import { initialPushState, type PushAction, type PushEvent, type PushState, pushStep } from './step.ts';

/** A token as the platform gave it, and what the app wishes of its pushes. */
export type PushRegistration = {
  readonly token: NonNullable<RegisterPushTokenRequest['token']>;
  readonly quietHours?: QuietHours;
};

/** The pushes of an app: its token, and what is done with each. */
export type Push = {
  /**
   * Registers the token of this session, in place of the one before: at each start, after each sign-in, and whenever
   * the platform gives a new one. The newest call wins, in whatever order their answers come.
   * @returns whether the server pushes by this platform
   * @throws CallError nothing is registered: the next start does it again
   */
  register(registration: PushRegistration): Promise<boolean>;
  /** Drops the token: this device is pushed nothing any more. A sign-out does so, too. @throws CallError */
  drop(): Promise<void>;
  /** What has happened: a push has come, a notification was tapped, a conversation is on the screen, … */
  dispatch(event: PushEvent): void;
  readonly state: PushState;
};

type PushParts = {
  readonly session: Pick<Session, 'userId'>;
  readonly calls: Pick<Calls, 'call'>;
  /** Called in order. */
  readonly onAction: (action: PushAction) => void;
};

/** Gives the machine of step.ts its platform, and DeviceService its tokens. */
export function openPush({ session, calls, onAction }: PushParts): Push {
  let state = initialPushState;
  /** One change of the token after the other: an earlier one must not take the place of a later one. */
  let changing: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(change: () => Promise<T>): Promise<T> => {
    const next = changing.then(change);
    changing = next.catch(() => {}); // whoever has asked for it has the error
    return next;
  };
  const apply = (event: PushEvent) => {
    const next = pushStep(state, event);
    state = next.state;
    for (const action of next.actions) onAction(action);
  };
  /** What has happened before it was known whether somebody is signed in; undefined: it is known. */
  let held: PushEvent[] | undefined = [];
  const release = (first?: PushEvent) => {
    const events = held ?? [];
    held = undefined;
    for (const event of first === undefined ? events : [first, ...events]) apply(event);
  };
  const load = () =>
    session.userId().then(
      () => release(),
      // a sign-out that the server has not received: it still pushes. A store that is locked is no sign-out
      (error: unknown) => release(error instanceof CallError && error.code === 'UNAUTHENTICATED' ? { type: 'signedOut' } : undefined),
    );
  return {
    register: ({ token, quietHours }) =>
      inTurn(async () => {
        try {
          await calls.call(DeviceServiceDefinition, 'registerPushToken', { token, device: '', quietHours });
          return true;
        } catch (error) {
          if (error instanceof CallError && error.reason === 'PUSH_OFF') return false;
          throw error;
        }
      }),
    drop: () =>
      inTurn(async () => {
        await calls.call(DeviceServiceDefinition, 'dropPushToken', {});
      }),
    dispatch: (event) => {
      if (event.type === 'signedIn' || event.type === 'signedOut') held = undefined; // of another user
      if (held === undefined) return apply(event);
      if (held.push(event) === 1) void load();
    },
    get state() {
      return state;
    },
  };
}
