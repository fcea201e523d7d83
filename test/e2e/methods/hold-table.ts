// Runs a table of methods through every protocol.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FileRegistry } from '@bufbuild/protobuf';
import type { OwnReasons } from '../../support/client/conformance.ts';
import { callOf, protocols, signIn, transportOf } from '../../support/client/protocols.ts';
import type { TestServer } from '../../support/server/test-server.ts';
import { holdRow, type Row } from './table.ts';

/** Bidirectional streams need HTTP/2. */
const carries = (protocol: string, method: string) => !(protocol.endsWith('h1') && /\/(BidiStream|Talk|Converse|Connect)$/.test(method));

/** What a table is held against. */
export type Held = {
  readonly server: TestServer;
  readonly registry: FileRegistry;
  /** The app's reasons beside core's. */
  readonly reasons?: OwnReasons;
  /** Whether the table has to have a method that the server serves. Unset: each. */
  readonly isOurs?: (method: string) => boolean;
};

/**
 * @param signed users with the scopes of their token; others get all scopes
 */
export function holdTable(name: string, rows: readonly Row[], open: () => Held, signed: Readonly<Record<string, readonly string[]>> = {}): void {
  for (const protocol of protocols) {
    test(`${name}: every method by ${protocol}`, async (t) => {
      const { server, registry, reasons = {} } = open();
      const transport = transportOf(protocol, server);
      const headers = new Map<string, Record<string, string>>();
      for (const user of new Set(rows.flatMap(({ as }) => as ?? [])))
        headers.set(user, (await signIn(server, registry, user.split(' ').at(-1) ?? user, signed[user])).headers);
      await using closing = { [Symbol.asyncDispose]: () => signOut(server, registry, headers.get('erin')) };
      void closing;
      for (const row of rows) {
        if (!carries(protocol, row.method)) continue;
        await t.test(`${row.method}: ${row.says}`, () =>
          holdRow(row, protocol, { registry, reasons, transport, headersOf: (user) => headers.get(user) ?? {} }),
        );
      }
    });
  }
  test(`${name}: the table has every method that the server serves`, () => {
    const { server, isOurs = () => true } = open();
    const { plans } = server.portico.methods;
    const served = [...plans.values()].filter(({ access }) => access.kind !== 'services').map(({ method }) => method);
    const inTable = new Set(rows.map(({ method }) => method));
    assert.deepEqual(
      served.filter((method) => isOurs(method) && !inTable.has(method)),
      [],
    );
  });
}

async function signOut(server: TestServer, registry: FileRegistry, headers: Record<string, string> | undefined): Promise<void> {
  if (headers === undefined) return;
  await callOf(registry, transportOf('connect h2', server), 'portico.v1.SessionService/SignOut', {}, { headers });
}
