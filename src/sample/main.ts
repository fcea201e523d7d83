// Starts one of the sample company's services as a separate process: `node src/sample/main.ts NAME`. The first line is
// its address.
import { parseArgs } from 'node:util';
import { createRemoteJWKSet } from 'jose';
import type { Clock } from '../core/kit/clock.ts';
import { answerChats } from './answer-chat.ts';
import { openService, type ServiceName, serviceNames } from './company.ts';
import { type Behaviour, behaviours } from './inject-faults.ts';
import { openParcels } from './parcels.ts';
import { publishChanges } from './publish-changes.ts';

const usage = `Usage: npm run -s sample -- ${serviceNames.join('|')} [options]

  --port N             port on loopback; default: a free one
  --jwks URL           the server's published keys; default: http://127.0.0.1:8445/.well-known/jwks.json (its admin port)
  --issuer NAME        the server's auth.issuer; default: portico
  --behaviour NAME     ${behaviours.join(', ')}; default: well
  --publisher ADDRESS  the server's internal listener, which receives changes, with --ca FILE and --token TOKEN (portico token)

Lines on stdin change the behaviour while it runs, such as "slow". "now: slow" confirms the change.`;

const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

function fail(message: string): never {
  console.error(`${message}\n\n${usage}`);
  process.exit(64);
}

function argumentsOf() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        port: { type: 'string', default: '0' },
        jwks: { type: 'string', default: 'http://127.0.0.1:8445/.well-known/jwks.json' },
        issuer: { type: 'string', default: 'portico' },
        behaviour: { type: 'string', default: 'well' },
        publisher: { type: 'string' },
        ca: { type: 'string' },
        token: { type: 'string' },
      },
    });
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

const behaviourOf = (text: string): Behaviour | undefined => behaviours.find((behaviour) => behaviour === text);

const { values, positionals } = argumentsOf();
const name = serviceNames.find((candidate) => candidate === positionals[0]);
if (positionals[0] === undefined) fail('Name a service.');
if (name === undefined) fail(`"${positionals[0]}" is no service: ${serviceNames.join(', ')} are.`);
let behaviour = behaviourOf(values.behaviour) ?? fail(`"${values.behaviour}" is no behaviour: ${behaviours.join(', ')} are.`);
const parcels = openParcels(clock);
const keys = createRemoteJWKSet(new URL(values.jwks));

type Opened = Awaited<ReturnType<typeof openService>>;
let opened: Opened | undefined;
let answers: ReturnType<typeof answerChats> | undefined;
let port = Number(values.port);
if (!(Number.isInteger(port) && port >= 0 && port <= 65_535)) fail(`--port ${values.port}: a whole number from 0 to 65535 is allowed.`);
async function apply(service: ServiceName): Promise<void> {
  if (behaviour === 'gone') {
    opened?.close();
    opened = undefined;
  } else if (opened === undefined) {
    opened = await openService(service, {
      clock,
      keys,
      issuer: values.issuer,
      parcels,
      behaviour: () => behaviour,
      onSaid: (said) => answers?.said(said),
      port,
    });
    port = Number(opened.address.split(':').at(-1)); // it listens on the same port again
    console.log(opened.address);
  }
}
await apply(name);
if (values.publisher !== undefined) {
  if (values.ca === undefined || values.token === undefined) fail('--publisher needs --ca and --token.');
  const target = { address: values.publisher, caFile: values.ca, token: values.token };
  publishChanges(parcels, target, clock);
  answers = answerChats(parcels, target, clock);
}

process.stdin.setEncoding('utf8').on('data', (text: string) => {
  for (const line of text.split('\n').filter((part) => part !== '')) {
    const next = behaviourOf(line.trim());
    if (next === undefined) console.error(`"${line.trim()}" is no behaviour: ${behaviours.join(', ')} are.`);
    else behaviour = next;
  }
  void apply(name).then(() => console.log(`now: ${behaviour}`)); // confirms the change of the switch
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(0));
