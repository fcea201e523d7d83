import type { JWTVerifyGetKey } from 'jose';
import * as team from '../app/index.ts';
import type { Clock } from '../core/kit/clock.ts';
import type { App } from '../core/screen/define-app.ts';
import type { HookSettings } from '../core/services/chat/review-by-hook.ts';
import type { SubjectSettings } from '../core/services/chat/who-may-open.ts';
import type { NamespaceSettings } from '../core/services/live/topic-namespaces.ts';
import type { Settings } from '../settings.ts';

/** Internal services that dev runs in its own process, for upstreams that the settings do not name. */
export type Sample = {
  /** Names of upstreams. */
  readonly names: readonly string[];
  /** Topics that the services publish to, as in `live.namespaces` of the settings. Times in milliseconds. */
  readonly namespaces?: Readonly<Record<string, NamespaceSettings>>;
  /** What the services decide about in conversations, as in `chat` of the settings. Times in milliseconds. */
  readonly chat?: {
    readonly hook: HookSettings;
    readonly reports: NonNullable<Settings['chat']['reports']>;
    readonly subjects: Readonly<Record<string, SubjectSettings>>;
  };
  /**
   * Starts all of them.
   * @param server its public keys and its `auth.issuer`, which verify internal tokens
   */
  open(server: { readonly clock: Clock; readonly keys: JWTVerifyGetKey; readonly issuer: string }): Promise<OpenedSample>;
};
export type OpenedSample = {
  /** By name: "127.0.0.1:41234". */
  readonly addresses: Readonly<Record<string, string>>;
  /** From now on the services report every change to this internal listener. */
  publishTo(target: { readonly address: string; readonly caFile: string; readonly token: string }): void;
  close(): void;
};

/** What src/app exports: the app, and perhaps its sample services. */
export const { app, sample }: { readonly app: App; readonly sample?: Sample } = team;
