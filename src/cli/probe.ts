import { randomUUID } from 'node:crypto';
import { ClientError, createClient, Metadata, Status } from 'nice-grpc';
import { parseDurationMs } from '../core/kit/duration.ts';
import { PublisherServiceDefinition } from '../gen/portico/internal/v1/publisher.ts';
import { type LiveRequest, type LiveResponse, LiveServiceDefinition } from '../gen/portico/v1/live.ts';
import { SessionServiceDefinition } from '../gen/portico/v1/session.ts';
import { accessTokenOf, serviceTokenOf } from '../wire/tokens-for-commands.ts';
import { Exit, exitCodes } from './exit-codes.ts';
import { openPinnedChannel } from './pinned-channel.ts';
import { openProxy } from './open-proxy.ts';
import { modeOf, type SettingsFlags, settingsOf } from './settings-flags.ts';

export type ProbeFlags = SettingsFlags & {
  readonly public: string;
  readonly internal: string;
  readonly certificate?: string;
  readonly internalCertificate?: string;
  readonly namespace: string;
  readonly timeout: string;
  readonly proxyHeader?: boolean;
};

/**
 * `portico probe`: makes a signed call, opens a live stream, publishes an event as an internal service, and receives
 * it. It prints a line for each, and ends at the first that fails.
 */
export async function runProbe(flags: ProbeFlags): Promise<void> {
  const timeoutMs = parseDurationMs(flags.timeout);
  if (timeoutMs === undefined || timeoutMs < 1_000) throw new Exit(exitCodes.usage, `--timeout ${flags.timeout}: a duration from "1s" is allowed.`);
  const internalCertificate = flags.internalCertificate ?? flags.certificate;
  if (internalCertificate === undefined)
    throw new Exit(exitCodes.usage, 'The internal listener always speaks TLS: --internal-certificate is needed.');
  const settings = settingsOf(modeOf(flags), flags, ['auth.keysDir']);
  const user = `portico-probe-${randomUUID()}`;
  const bearer = (token: string) => Metadata({ authorization: `Bearer ${token}` });
  const metadata = bearer(await accessTokenOf(settings, user, 2 * timeoutMs));
  const asService = bearer(await serviceTokenOf(settings, 'portico-probe', Math.max(60_000, 2 * timeoutMs)));
  await using stack = new AsyncDisposableStack();
  const publicAddress = flags.proxyHeader === true ? stack.use(await openProxy(flags.public)).address : flags.public;
  const clients = stack.use(openPinnedChannel(publicAddress, flags.certificate));
  const services = stack.use(openPinnedChannel(flags.internal, internalCertificate));
  const end = new AbortController();
  stack.defer(() => end.abort()); // of a step that failed, the stream is still open
  const signal = AbortSignal.any([end.signal, AbortSignal.timeout(timeoutMs)]);

  await step(`a signed call to ${flags.public}`, signal, async () => {
    await createClient(SessionServiceDefinition, clients.channel).listDevices({}, { metadata, signal });
  });
  const topic = `${flags.namespace}:${user}`;
  const payload = Buffer.from(randomUUID());
  const left = Promise.withResolvers<void>();
  /** The end of the requests is not a goodbye: the stream stays open until it has been said. */
  async function* requests(): AsyncGenerator<LiveRequest> {
    yield {
      message: {
        $case: 'hello',
        value: { subscriptions: [{ topic, generation: 1, position: undefined, presence: false }], watches: [], heartbeatMs: 0, device: '' },
      },
    };
    await left.promise;
    yield { message: { $case: 'goodbye', value: {} } };
  }
  const responses = createClient(LiveServiceDefinition, clients.channel).connect(requests(), { metadata, signal })[Symbol.asyncIterator]();
  /** Reads on until there is such a response. */
  const until = async (isIt: (message: NonNullable<LiveResponse['message']>) => boolean) => {
    for (let next = await responses.next(); next.done !== true; next = await responses.next()) {
      const { message } = next.value;
      if (message?.$case === 'subscriptionClosed') throw new Error(`the subscription of ${topic} was closed: ${message.value.reason}`);
      if (message !== undefined && isIt(message)) return;
    }
    throw new Error('the stream has ended');
  };
  await step(`a live stream with the topic ${topic}`, signal, () => until((message) => message.$case === 'subscribed'));
  await step(`an event published to ${flags.internal}`, signal, async () => {
    const event = { topic, requestId: randomUUID(), payload, key: '' };
    await createClient(PublisherServiceDefinition, services.channel).publish({ events: [event] }, { metadata: asService, signal });
  });
  await step('the event received by the stream', signal, () =>
    until((message) => message.$case === 'events' && message.value.events.some((event) => payload.equals(event.payload))),
  );
  left.resolve();
  await responses.return?.();
}

/** @throws Exit with what failed */
async function step(name: string, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (signal.aborted) throw new Exit(exitCodes.failed, `${name}: not within the time-out`);
    const reason = error instanceof ClientError ? `${Status[error.code]}: ${error.details}` : error instanceof Error ? error.message : String(error);
    throw new Exit(exitCodes.failed, `${name}: ${reason}`);
  }
  process.stdout.write(`ok: ${name}\n`);
}
