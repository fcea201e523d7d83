// A page in Debian's Chromium, from an origin of its own.
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium } from 'playwright-core';
import { installed } from '../../support/programs/installed.ts';

/** A web server on loopback that gives every path the same page, with one module in it. */
export async function servePage(module: string): Promise<{ readonly origin: string; close(): void }> {
  const server = createServer(({ url }, response) => {
    if (url === '/app.js') response.writeHead(200, { 'content-type': 'text/javascript' }).end(module);
    else
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>app</title><script type="module" src="/app.js"></script>');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://localhost:${port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Starts Chromium. It trusts the keys of these certificates, whoever signed them, and no others. */
export function openBrowser(certificates: readonly string[]) {
  const keys = certificates.map((pem) =>
    createHash('sha256')
      .update(new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' }))
      .digest('base64'),
  );
  return chromium.launch({ executablePath: installed('chromium'), args: [`--ignore-certificate-errors-spki-list=${keys.join()}`] });
}
