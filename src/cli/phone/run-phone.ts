import { type Client, openClient } from '../../client/client.ts';
import type { Notice } from '../../client/live/state.ts';
import { nodeTransport } from '../../client/node-transport.ts';
import { memoryTokenStore } from '../../client/session.ts';
import { GetHomeRequest } from '../../gen/app/v1/home.ts';
import { systemClock } from '../../wire/system-clock.ts';
import { urlHost } from '../banner.ts';
import { Exit, exitCodes } from '../exit-codes.ts';
import { type SettingsFlags, settingsOf } from '../options.ts';
import { type Contents, emptyContents, topicsOf, withNotice } from './screen-contents.ts';
import { draw } from './draw-screen.ts';
import { authorityOf, signIn } from './sign-in.ts';
import { openTerminal } from './open-terminal.ts';

type PhoneFlags = SettingsFlags & { readonly user: string; readonly address?: string; readonly ca?: string };

const homeWatch = 1;
/** The time limit of the sign-out. Milliseconds. */
const signOutMaxMs = 1_000;

/** `portico phone`: the sample app in a terminal, on the client of src/client. Ends when the user quits. */
export async function runPhone({ user, address, ca, ...flags }: PhoneFlags): Promise<void> {
  const settings = settingsOf('dev', flags);
  const server = address ?? `${urlHost(settings.hosts.public)}:${settings.public.port}`;
  if (!/^(\[[\da-f:.]+\]|[^\s:/[\]]+):\d{1,5}$/i.test(server))
    throw new Exit(exitCodes.usage, `--address ${server}: a host and a port are needed, such as localhost:8443.`);
  if (!process.stdin.isTTY || !process.stdout.isTTY)
    throw new Exit(exitCodes.usage, '`portico phone` draws on a terminal and reads its keys: its input and output are none here.');
  const authority = authorityOf(settings, address !== undefined, ca);

  const quit = Promise.withResolvers<void>();
  let contents = emptyContents(user);
  let show = () => {};
  const onNotice = (notice: Notice) => {
    contents = withNotice(contents, notice, timeText(new Date()));
    if (notice.kind === 'snapshot') followOrders(client, contents);
    show();
  };
  const client = openClient({
    transport: nodeTransport({ address: server, ...(authority && { ca: authority }) }),
    tokens: memoryTokenStore(),
    clock: systemClock,
    random: Math.random,
    onNotice,
  });
  try {
    await signIn(client, server, user);
    const terminal = openTerminal({
      o: () => toggleNetwork(client),
      r: client.networkFound,
      q: quit.resolve,
    });
    try {
      show = () => terminal.show((size) => draw(contents, size));
      client.live.dispatch({
        type: 'watch',
        id: homeWatch,
        method: 'app.v1.HomeService/GetHome',
        request: Buffer.from(GetHomeRequest.encode({}).finish()),
      });
      client.live.dispatch({ type: 'start' });
      await Promise.race([quit.promise, terminal.closed]);
    } finally {
      show = () => {};
      terminal.close();
    }
    const late = new Promise<void>((resolve) => setTimeout(resolve, signOutMaxMs).unref());
    await Promise.race([client.session.signOut(), late]);
  } finally {
    client.close();
    setTimeout(() => process.exit(), signOutMaxMs).unref(); // a connection to a server that does not answer keeps the process alive
  }
}

/** Subscribes the couriers of the orders on the screen, and no others. */
function followOrders({ live }: Client, contents: Contents): void {
  const wanted = topicsOf(contents);
  for (const topic of wanted) if (!live.state.topics.has(topic)) live.dispatch({ type: 'subscribe', topic });
  for (const topic of live.state.topics.keys()) if (!wanted.includes(topic)) live.dispatch({ type: 'unsubscribe', topic });
}

function toggleNetwork({ live, networkFound, networkLost }: Client): void {
  if (live.state.phase === 'refused') live.dispatch({ type: 'start' });
  else if (live.state.phase === 'offline') networkFound();
  else networkLost();
}

/** "12:00:59" in the zone of the machine. */
function timeText(time: Date): string {
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}
