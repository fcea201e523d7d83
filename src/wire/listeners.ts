import type { FileRegistry } from '@bufbuild/protobuf';
import { type AdminOptions, openAdmin } from '../admin/admin-pages.ts';
import type { Clock } from '../core/kit/clock.ts';
import type { AccessPlan, MethodPlan } from '../core/kit/method-plan.ts';
import type { AnswerCall, Handler } from '../core/ports/call.ts';
import type { Log } from '../core/ports/log.ts';
import { internalConnections } from '../settings/defaults/listeners.ts';
import type { Settings } from '../settings.ts';
import { type Health, healthMethods } from '../transport/builtin/health.ts';
import { reflectionMethods } from '../transport/builtin/reflection.ts';
import { corsOf } from '../transport/cors.ts';
import type { DrainSummary } from '../transport/drain.ts';
import { openFront } from '../transport/front.ts';
import type { FrontTls } from '../transport/front-options.ts';
import type { ReportDefect } from '../transport/http/confine-errors.ts';
import type { TransportReports } from '../transport/http/transport-metrics.ts';
import type { Pages } from '../transport/http-pages.ts';
import { protocolsBy } from '../transport/protocols/protocol-by-content-type.ts';
import type { EncodeRefusal } from '../transport/routing-faults.ts';
import type { Served } from '../transport/running-call.ts';
import { watchCertificate } from '../transport/tls/certificate-files.ts';
import type { Certificates } from './certificates.ts';
import { openLine } from './system-clock.ts';

export type ListenerParts = Pick<AdminOptions, 'probes' | 'metrics' | 'switches' | 'pages'> & {
  readonly settings: Settings;
  readonly certificates: Certificates;
  readonly ticketKeys: FrontTls['ticketKeys'];
  readonly plans: readonly MethodPlan[];
  readonly registry: FileRegistry;
  readonly answer: AnswerCall;
  /** The chain around another handler: of methods for tools. */
  readonly chain: (plan: MethodPlan, handler: Handler) => AnswerCall;
  readonly refusal: EncodeRefusal;
  readonly health: Health;
  readonly clock: Clock;
  readonly log: Log;
  readonly reportDefect: ReportDefect;
  readonly reports: TransportReports;
};

export type Listeners = {
  readonly ports: { readonly public: number; readonly internal: number; readonly admin: number };
  /** Calls in flight on both listeners finish. The admin listener stays open. */
  drain(graceMs: number): Promise<DrainSummary>;
  close(): Promise<void>;
};

/** Opens the three listeners: public and internal with their methods, admin with probes and metrics. */
export async function openListeners(parts: ListenerParts): Promise<Listeners> {
  const { settings, certificates, ticketKeys, plans, probes, metrics, switches, pages } = parts;
  const opened: { close(): Promise<void> }[] = [];
  try {
    const toPublic = await openOne(
      parts,
      plans.filter(({ access }) => access.kind !== 'services'),
      {
        host: settings.hosts.public,
        port: settings.public.port,
        tls: certificates.public && { ...certificates.public, ticketKeys },
        pages,
        corsOrigins: settings.public.corsOrigins,
        trustedProxies: settings.public.trustedProxies,
        reflectionAccess: { kind: 'user', scopes: [] },
      },
      settings.public,
    );
    opened.push(toPublic);
    const toInternal = await openOne(
      parts,
      plans.filter(({ access }) => access.kind === 'services'),
      {
        host: settings.hosts.internal,
        port: settings.internal.port,
        tls: certificates.internal,
        pages,
        corsOrigins: [],
        reflectionAccess: { kind: 'services' },
      },
      internalConnections,
    );
    opened.push(toInternal);
    const admin = await openAdmin({ host: settings.hosts.admin, port: settings.admin.port, probes, metrics, switches, pages });
    opened.push(admin);
    const stopWatching = [
      watchCertificate(toPublic.front, certificates.files.public, parts.clock, parts.log),
      watchCertificate(toInternal.front, certificates.files.internal, parts.clock, parts.log),
    ];
    return {
      ports: { public: toPublic.front.port, internal: toInternal.front.port, admin: admin.port },
      drain: async (graceMs) => {
        const [one, other] = await Promise.all([toPublic.front.drain(graceMs), toInternal.front.drain(graceMs)]);
        return { finished: one.finished + other.finished, cut: one.cut + other.cut, calls: one.calls + other.calls };
      },
      close: async () => {
        for (const stop of stopWatching) stop();
        await Promise.all(opened.map((listener) => listener.close()));
      },
    };
  } catch (error) {
    await Promise.all(opened.map((listener) => listener.close()));
    throw error;
  }
}

type Place = {
  readonly host: string;
  readonly port: number;
  readonly tls: FrontTls | undefined;
  readonly pages: Pages;
  readonly corsOrigins: readonly string[];
  readonly trustedProxies?: readonly string[];
  /** Who may use reflection in `serve`. */
  readonly reflectionAccess: AccessPlan;
};

async function openOne(
  { settings, registry, answer, chain, refusal, health, clock, log, reportDefect, reports }: ListenerParts,
  plans: readonly MethodPlan[],
  place: Place,
  { timers: { handshake, preface, request, idle, stall }, limits }: Pick<Settings['public'], 'timers' | 'limits'>,
) {
  const { corsOrigins, reflectionAccess, ...where } = place;
  const served: readonly Served[] = [...plans.map((plan) => ({ plan, answer })), ...healthMethods(health, registry, clock)];
  const descriptors = served.map(({ plan }) => plan.descriptor);
  const all = [
    ...served,
    ...(settings.reflection
      ? reflectionMethods(registry, descriptors, settings.mode === 'serve' ? reflectionAccess : { kind: 'anonymous' }, chain)
      : []),
  ];
  const front = await openFront({
    ...where,
    served: new Map(all.map((method) => [method.plan.path, method])),
    protocolOf: protocolsBy(registry),
    cors: corsOf(corsOrigins, plans),
    refusal,
    clock,
    openLine,
    log,
    reportDefect,
    reports,
    timers: { handshakeMs: handshake, prefaceMs: preface, requestMs: request, idleMs: idle, stallMs: stall },
    limits,
  });
  return { front, close: () => front.close() };
}
