import { randomUUID } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import { openReadiness } from './admin/readiness.ts';
import { busAnnouncements } from './core/adapters/chat/bus-announcements.ts';
import { keyDirectory } from './core/adapters/keys/key-directory.ts';
import { memoryRevocations } from './core/adapters/memory/revocations.ts';
import { sqlChat } from './core/adapters/sql/chat/chat-store.ts';
import { startPreparingPartitions } from './core/adapters/sql/chat/prepare-partitions.ts';
import { readMigrations } from './core/adapters/sql/migrate.ts';
import { openDatabase } from './core/adapters/sql/open-database.ts';
import { sqlSessions } from './core/adapters/sql/sessions.ts';
import { certificateMetrics } from './core/adapters/telemetry/certificate-metrics.ts';
import { openTelemetry } from './core/adapters/telemetry/open-telemetry.ts';
import { sharePages } from './core/adapters/topics/share-pages.ts';
import { openHttp2Transport } from './core/adapters/upstream-http2/open-transport.ts';
import { cache as answerFromCache } from './core/interceptors/answer-from-cache.ts';
import { answerWatchedBy, type CallOf } from './core/interceptors/answer-watched.ts';
import { authenticate } from './core/interceptors/authenticate.ts';
import { answerBy, chainOf } from './core/interceptors/chain.ts';
import { deadline } from './core/interceptors/deadline.ts';
import { encodeFault } from './core/interceptors/error-details.ts';
import { errors } from './core/interceptors/errors-to-status.ts';
import { invalidate } from './core/interceptors/invalidate-after-write.ts';
import { errorTable } from './core/interceptors/localized-error-table.ts';
import { handlersOf } from './core/interceptors/one-handler-per-method.ts';
import { refuseOutdatedApps } from './core/interceptors/refuse-outdated-apps.ts';
import { refuseWhileDraining } from './core/interceptors/refuse-while-draining.ts';
import { trace } from './core/interceptors/trace-and-record.ts';
import { compileRules, validate } from './core/interceptors/validate-request.ts';
import { randomDigits } from './core/kit/random-digits.ts';
import { ownHandler } from './core/screen/hand-written-handler.ts';
import { screenStreamHandler } from './core/screen/screen-stream-handler.ts';
import { answerReaders } from './core/screen/upstream-calls.ts';
import { openChat } from './core/services/chat/open-chat.ts';
import { reviewMethod } from './core/services/chat/review-by-hook.ts';
import { openLive } from './core/services/live/open-live.ts';
import { publisherHandlers } from './core/services/publisher/publisher-handlers.ts';
import { reportMethod } from './core/services/safety/deliver-reports.ts';
import { mintServiceToken } from './core/services/session/service-tokens.ts';
import { upstreamTokens } from './core/services/session/upstream-tokens.ts';
import { watchEndedSessions } from './core/services/session/watch-ended-sessions.ts';
import { openWaitingBytes } from './core/streams/send-memory-limit.ts';
import { forward } from './core/upstreams/forward-call.ts';
import { openUpstreams } from './core/upstreams/upstreams.ts';
import { jwksPage } from './transport/builtin/jwks-page.ts';
import { defectReports } from './transport/http/confine-errors.ts';
import { transportReports } from './transport/http/transport-metrics.ts';
import type { EncodeRefusal } from './transport/routing-faults.ts';
import { openAuth } from './wire/auth.ts';
import { wireCache } from './wire/cache.ts';
import { openCertificates } from './wire/certificates.ts';
import { openListeners } from './wire/listeners.ts';
import { wireMaintenance } from './wire/maintenance.ts';
import { wireMedia } from './wire/media.ts';
import { methodsOf } from './wire/methods.ts';
import { sqlOptions } from './wire/migrations.ts';
import type { Portico, WireOptions } from './wire/portico.ts';
import { pushAfterMs, readPushKeys, wirePush } from './wire/push.ts';
import { wireSafety } from './wire/safety.ts';
import { openSecrets } from './wire/secrets.ts';
import { openSharedStores } from './wire/shared-stores.ts';
import { openLine } from './wire/system-clock.ts';
import { upstreamConfigs } from './wire/upstreams.ts';
import { endSessions, wireUserData } from './wire/user-data.ts';

/** Builds and joins all rooms, with the files in `wire/`. The server listens when the promise has resolved. */
export async function wire({
  settings,
  app,
  release,
  clock,
  env,
  pretty,
  ticketKeys,
  samples = {},
  handlers: given = {},
}: WireOptions): Promise<Portico> {
  const configs = upstreamConfigs(settings, samples);
  const methods = methodsOf(release, app, { only: settings.app.services, upstreams: new Set(Object.keys(configs)) });
  const unset = Object.keys(app.upstreams).filter((name) => configs[name] === undefined);
  if (unset.length > 0) throw new Error(`upstreams.${unset.join(', upstreams.')}: screens use them, and the settings do not name them.`);
  const { refreshKey } = openSecrets(settings);
  const pushKeys = readPushKeys(settings.push);
  const certificates = await openCertificates(settings, clock);

  const { accessLog, logLevel, sampleRatio } = settings.telemetry;
  const telemetry = await openTelemetry({ version: release.version, sampleRatio, accessLog, logLevel, pretty, env, clock });
  const { log, meter, recorder, shortSpans: spans } = telemetry;
  certificateMetrics(meter, certificates.pems);
  const randomHex = randomDigits();
  const keys = await keyDirectory(settings.keysDir, clock, log);
  const { issuer } = settings.auth;
  const upstreams = openUpstreams(configs, {
    openTransport: (target) => openHttp2Transport(target, { clock, random: Math.random }),
    clock,
    random: Math.random,
    log,
    internalToken: upstreamTokens({ keys, clock, issuer }),
    retryable: [...methods.retryable, reviewMethod, reportMethod],
    registry: methods.registry,
  });

  const listening = Promise.withResolvers<void>();
  const database = openDatabase({
    where: sqlOptions(settings),
    migrations: readMigrations(release.migrationsFolder),
    clock,
    log,
    listening: listening.promise,
    meter,
  });
  const sessions = sqlSessions(database.use);
  const shared = openSharedStores(settings, { clock, log, meter });
  const sessionWatch = watchEndedSessions({
    sessions,
    opened: database.ready,
    local: memoryRevocations(clock),
    bus: shared.redis && shared.bus,
    clock,
    log,
    accessTokenTtlMs: settings.auth.accessTokenTtl,
    keepMs: settings.auth.sessionKeep,
    idleMs: settings.auth.sessionIdle,
    absoluteMs: settings.auth.sessionTtl,
  });
  const whenReady = Promise.all([sessionWatch.known, shared.whenFit]).then(() => {});
  whenReady.catch(() => {}); // those who wait for it receive the error
  const auth = openAuth({
    settings,
    methods,
    keys,
    sessions,
    revocations: sessionWatch.revocations,
    revocationsKnown: whenReady,
    refreshKey,
    clock,
    log,
    meter,
  });

  const table = errorTable(settings.app.errorDomain, app);
  const plans = [...methods.plans.values()];
  const maintenance = wireMaintenance(settings, table, { clock, random: Math.random, log, meter });
  const cache = wireCache({ settings, app, plans, shared, reasons: table.reasons, clock, log, meter });
  const watching = { answerWatched: (call: CallOf) => answerWatched(call), onInvalidated: cache.onInvalidated };
  const waiting = openWaitingBytes(settings.live.queuedBytes, meter);
  const streams = { ...shared, spans, settings: settings.live, waiting, randomHex, random: Math.random, clock, openLine, log, meter };
  const live = openLive({ ...streams, ...watching, plans: methods.plans, readPage: sharePages(shared.topics, clock) });
  const store = sqlChat(database.use, { pushAfterMs: pushAfterMs(settings) });
  const push = wirePush(settings, { keys: pushKeys, use: database.use, opened: database.ready, clock, log, meter });
  const media = await wireMedia(settings, database.use, database.ready, { keys, clock, revocations: sessionWatch.revocations, log, meter });
  const stopPreparing = startPreparingPartitions(database.use, { clock, log });
  const announcements = busAnnouncements({ ...streams, chat: store, replica: randomHex(12) });
  const safety = wireSafety(settings, database.use, { ...streams, announcements, upstreams, opened: database.ready });
  const chatParts = { ...watching, plans: methods.plans, upstreams, rules: settings.chat, chat: store, announcements };
  const chat = openChat({ ...streams, ...chatParts, newId: uuidv7, randomId: randomUUID });
  maintenance.closeStreams([live, chat]);
  const disconnect: typeof live.disconnect = async (...whose) => void (await Promise.all([live.disconnect(...whose), chat.disconnect(...whose)]));
  const onEnded = endSessions({ settings, revocations: sessionWatch.revocations, disconnect });
  const userDataStores = { ...shared, use: database.use, announcements, onEnded, cache };
  const userData = wireUserData(settings, userDataStores, { opened: database.ready, clock, log, meter });
  const effects = { publish: live.publish, invalidate: cache.invalidate, notify: push.notifyBy('app'), chat: chat.writesAs('app') };
  const parts = { app, upstreams, readers: answerReaders(app.upstreams, methods.registry), clock, effects };
  const screenOf = new Map(app.screens.map((screen) => [screen.method, screen]));
  const handlers = handlersOf(methods.plans, {
    core: {
      ...auth.handlers,
      ...live.handlers,
      ...chat.handlers,
      ...push.handlers,
      ...maintenance.handlers,
      ...safety.handlers,
      ...publisherHandlers({ ...userData, invalidate: cache.invalidate, publish: live.publish, notifyBy: push.notifyBy, disconnect }),
      ...media.handlers,
      ...given,
    },
    screens: app.screens.map((screen) => [screen.method, ownHandler(screen, parts)]),
    metadataBytesMax: settings.public.limits.statusBytes,
    forward: (plan) => forward(plan, upstreams),
    streamOf: (unary) => {
      const screen = screenOf.get(unary.method);
      if (screen === undefined) throw new Error(`${unary.method} has a stream form and no screen.`);
      return screenStreamHandler(screen, unary, cache.answerStream, parts);
    },
  });
  const readiness = openReadiness(plans, database.waitsFor, () => [...maintenance.details(), ...shared.details(), ...cache.details()]);
  whenReady.then(readiness.changed, readiness.changed);
  database.lost.then(readiness.changed, () => {});
  const callers = { verify: auth.verify, services: new Map(Object.entries(settings.internal.services)) };
  const common = {
    trace: trace({ recorder, clock, randomHex }),
    errors: errors(table, log),
    deadline: deadline(clock),
    validate: validate(compileRules(plans)),
  };
  const answerWatched = answerWatchedBy(plans, { ...common, cache: cache.answerWatched }, handlers);
  const interceptors = {
    ...common,
    outdated: refuseOutdatedApps(settings.bootstrap.versions),
    maintenance: maintenance.interceptor,
    draining: refuseWhileDraining({ draining: readiness.health.leaving, graceMs: settings.drain.grace, clock }),
    authenticate: authenticate({ ...callers, openLifetime: auth.openLifetime, meter }),
    invalidate: invalidate({ invalidate: cache.invalidateWritten, meter, reasons: table.reasons }),
    cache: answerFromCache(cache),
  };
  const answer = answerBy(plans, interceptors, handlers);
  const refusal: EncodeRefusal = (fault, acceptLanguage) => {
    if (fault.reason === 'METHOD_UNKNOWN') recorder.unknownMethod();
    return encodeFault(fault, { table, requestId: randomHex(32), acceptLanguage });
  };

  const closeAll = async () => {
    await userData.close();
    await live.close();
    stopPreparing();
    await chat.close();
    media.close();
    await push.close();
    await safety.close();
    const closing = database.close(); // one that never opened ends the wait below
    await sessionWatch.close();
    await closing;
    cache.close();
    shared.close();
    maintenance.close();
    keys.close();
    upstreams.close();
    await telemetry.close();
  };
  const listeners = await openListeners({
    settings,
    certificates,
    ticketKeys,
    plans,
    registry: methods.registry,
    answer,
    chain: (plan, handler) => chainOf(plan, interceptors, handler),
    refusal,
    health: readiness.health,
    pages: jwksPage(keys),
    probes: readiness.probes,
    metrics: telemetry.metricsText,
    switches: { ...telemetry.switches, maintenance: maintenance.switch },
    clock,
    log,
    reportDefect: defectReports(log, meter),
    reports: transportReports(meter, log, clock),
  }).catch(async (error: unknown) => {
    const closing = closeAll();
    listening.resolve(); // to find that it is closed
    await closing;
    throw error;
  });
  listening.resolve();
  return {
    ports: listeners.ports,
    methods,
    caFile: certificates.caFile,
    log,
    jwks: () => keys.jwks(),
    serviceToken: (name, ttlMs) => mintServiceToken(name, { keys, clock, issuer, ttlMs }),
    whenReady,
    drain: () => {
      readiness.drain();
      const { grace, spread } = settings.drain;
      const streams = live.drain(spread, grace) + chat.drain(spread, grace);
      const drained = listeners.drain(streams === 0 ? grace : spread + grace);
      return drained.then((summary) => ({ ...summary, streams }));
    },
    close: async () => {
      readiness.drain();
      await listeners.close();
      await closeAll();
    },
  };
}
