// `portico dev` as a process of its own, started by a command of the docs, on free ports.
import { holdPort } from '../../../scripts/hold-port.ts';
import { startProcess } from './process.ts';

export type ServerProcess = {
  /** The text with the usual ports replaced by those in use. */
  withPorts(text: string): string;
  /** The variables that make other processes use the same ports. */
  readonly env: NodeJS.ProcessEnv;
  /** What it has printed so far. */
  output(): string;
  /** SIGTERM, and waits for the end. */
  stop(): Promise<void>;
};

/** Ports of a server that a test starts as a process. */
export async function serverEnvironment() {
  const [publicPort, internalPort, adminPort] = [await holdPort(), await holdPort(), await holdPort()];
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PORTICO_PUBLIC__PORT: String(publicPort),
    PORTICO_INTERNAL__PORT: String(internalPort),
    PORTICO_ADMIN__PORT: String(adminPort),
  };
  delete env.NODE_TEST_CONTEXT; // what it starts is no part of this test run
  const withPorts = (text: string) =>
    text.replaceAll('localhost:8443', `localhost:${publicPort}`).replaceAll('localhost:8445', `localhost:${adminPort}`);
  return { env, withPorts, readyUrl: `http://127.0.0.1:${adminPort}/readyz` };
}

/**
 * The longest that a start may take on a machine that is busy with other tests: a first start makes keys and a
 * database. Milliseconds.
 */
const startMaxMs = 180_000;

/** Starts a command of the shell, and waits until the server that it starts is ready. @throws Error when it ends before */
export async function startServer(
  command: string,
  folder: string,
  environment?: Awaited<ReturnType<typeof serverEnvironment>>,
): Promise<ServerProcess> {
  const { env, withPorts, readyUrl } = environment ?? (await serverEnvironment());
  const { ended, output, stop } = startProcess('sh', ['-c', command], { cwd: folder, env });
  let gone = false;
  void ended.then(() => {
    gone = true;
  });
  const endMs = performance.now() + startMaxMs;
  while (performance.now() < endMs && !gone) {
    const ready = await fetch(readyUrl).then(
      ({ status }) => status === 200,
      () => false,
    );
    if (ready) return { withPorts, env, output, stop };
    await new Promise((again) => setTimeout(again, 100));
  }
  await stop();
  throw new Error(`\`${command}\` never became ready: ${output()}`);
}
