import { styleText } from 'node:util';
import type { Phase } from '../../client/stream/connection.ts';
import { OrderStatus } from '../../gen/app/v1/order.ts';
import { mapLines } from './draw-map.ts';
import { type Contents, clean } from './screen-contents.ts';

export type Size = { readonly columns: number; readonly rows: number };

/** The market square of Leipzig, around which the couriers of the sample ride. */
const centre = { latitude: 51.3406, longitude: 12.3747 };
const ordersMax = 5;
const mapColumns = 31;

const colours = { live: 'green', syncing: 'yellow', connecting: 'yellow', waiting: 'yellow', renewing: 'yellow' } as const;

/** The whole screen: as many lines as fit, and none wider. */
export function draw(contents: Contents, { columns, rows }: Size): string {
  const top = [...head(contents, columns), ...home(contents, columns)];
  const below = map(contents, { columns, rows: Math.max(1, rows - top.length - 2) });
  return [...top, '', ...below, dim(fit(keysOf(contents), columns))].join('\n');
}

type Head = Pick<Contents, 'user' | 'phase' | 'recovered' | 'pushed'>;

export function head({ user, phase, recovered, pushed }: Head, columns: number): readonly string[] {
  const state = `● ${phase}`;
  const right = recovered === undefined ? '' : `   recovered: ${recovered ? 'yes' : 'no'}`;
  const left = fit(` Portico · ${user}`, columns - state.length - right.length - 2);
  const gap = ' '.repeat(Math.max(1, columns - [...left].length - state.length - right.length - 1));
  return [
    `${styleText('bold', left)}${gap}${styleText(colourOf(phase), state)}${recovered === false ? styleText(['red', 'bold'], right) : right}`,
    pushed === '' ? dim('─'.repeat(columns)) : styleText('inverse', fit(` Push: ${pushed} `, columns)),
  ];
}

function keysOf({ phase, unread }: Contents): string {
  const chats = `c: chats${unread > 0 ? ` (${unread})` : ''}   q: quit`;
  if (phase === 'offline' || phase === 'refused') return ` o: online   ${chats}`;
  return ` o: offline${phase === 'waiting' ? '   r: try again now' : ''}   ${chats}`;
}

function colourOf(phase: Phase) {
  return phase in colours ? colours[phase as keyof typeof colours] : 'red';
}

function home({ home, homeLacks, couriers }: Contents, columns: number): readonly string[] {
  const lacks = homeLacks === '' ? [] : [styleText('yellow', fit(` ${homeLacks}`, columns))];
  if (home === undefined) return [...lacks, ' …'];
  const { profile, orders, couriers: nearby, offers } = home;
  const ordersLines = (orders?.orders ?? []).slice(0, ordersMax).map(({ orderId, status, content }) => {
    const courier = couriers.get(orderId);
    const left = courier === undefined ? '' : `${courier.minutesLeft} min`;
    return ` ${markOf(orderId)}  ${orderId.padEnd(6)}${statusText(status).padEnd(18)}${left.padStart(6)}  ${content}`;
  });
  const lines = [
    ` Hello ${profile?.displayName ?? ''} · ${profile?.city ?? ''} · ${profile?.points ?? 0} points`,
    ...ordersLines,
    ...(nearby === undefined ? [] : [` Couriers near by: ${nearby.names.join(', ')}; pick-up in ${nearby.pickupMinutes} min`]),
    ...(offers?.promotions ?? []).slice(0, 1).map(({ title, text }) => ` ${title}: ${text}`),
  ];
  return [...lacks, ...lines.map((line) => fit(line, columns))];
}

/** The map, with the newest lines of the log to its right. */
function map({ couriers, lines }: Contents, { columns, rows }: Size): readonly string[] {
  const marks = [...couriers].flatMap(([orderId, { position }]) => (position === undefined ? [] : [{ mark: markOf(orderId), position }]));
  const newest = lines.slice(-rows);
  const width = columns - mapColumns - 3;
  return mapLines(marks, centre, { columns: mapColumns, rows }).map((line, i) => ` ${dotted(line)}  ${fit(newest[i] ?? '', Math.max(0, width))}`);
}

/** The points of the map are dim, its marks are not. */
function dotted(line: string): string {
  return line.replace(/[^·]+|·+/g, (part) => (part.startsWith('·') ? dim(part) : styleText('bold', part)));
}

/** An order's character on the map: the last one of its id. */
function markOf(orderId: string): string {
  return clean(orderId).slice(-1) || '?';
}

/** "out for delivery" */
function statusText(status: OrderStatus): string {
  const name = Object.entries(OrderStatus).find(([, value]) => value === status)?.[0] ?? String(status);
  return name.replace('ORDER_STATUS_', '').replaceAll('_', ' ').toLowerCase();
}

export function fit(text: string, columns: number): string {
  const characters = [...clean(text)];
  return characters.length <= columns ? characters.join('') : `${characters.slice(0, Math.max(0, columns - 1)).join('')}…`;
}

export const dim = (text: string) => styleText('dim', text);
