import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { configText } from '../../src/cli/print-config.ts';
import type { Mode } from '../../src/settings/defaults/by-mode-and-memory.ts';
import { readValue, variableOf } from '../../src/settings/environment-variables.ts';
import { jsonSchema, leaves } from '../../src/settings/json-schema.ts';
import type { Need } from '../../src/settings/needed-to-serve.ts';
import { SettingsError } from '../../src/settings/settings-error.ts';
import { loadSettings, type Settings } from '../../src/settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'portico-settings-'));
after(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

type Said = {
  readonly mode?: Mode;
  readonly yaml?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly set?: readonly string[];
  readonly needed?: readonly Need[];
};

/** As the command line reads them; the file is called portico.yaml. */
function load({ mode = 'dev', yaml, env = {}, set = [], needed }: Said): Settings {
  const flags = set.map((text) => {
    const [key = '', value = ''] = text.split(/=(.*)/s);
    const read = readValue(value, key.split('.'));
    assert.ok('value' in read);
    return { path: key.split('.'), value: read.value, origin: `--set ${key}` };
  });
  const file = yaml === undefined ? undefined : fileOf('portico.yaml', yaml);
  return loadSettings(mode, { file, env, flags }, needed);
}

/** What is said of wrong settings, without the folder of the file. */
function wrong(said: Said): string {
  try {
    load(said);
  } catch (error) {
    assert.ok(error instanceof SettingsError, String(error));
    return error.message.replaceAll(`${folder}/`, '');
  }
  throw new Error('Nothing was wrong.');
}

const lines = (...texts: string[]) => texts.join('\n');

test('a flag goes over the environment, that over the file, and that over the default', () => {
  const yaml = 'public: {port: 1001}\ninternal: {port: 1002}\nadmin: {port: 1003}\n';
  const env = { PORTICO_INTERNAL__PORT: '2002', PORTICO_ADMIN__PORT: '2003' };
  const settings = load({ yaml, env, set: ['admin.port=3003'] });
  assert.deepEqual([settings.public.port, settings.internal.port, settings.admin.port, settings.drain.grace], [1001, 2002, 3003, 10_000]);
  const { origins } = settings;
  assert.deepEqual(
    [origins.get('public.port'), origins.get('internal.port'), origins.get('admin.port'), origins.get('drain.grace')],
    [`${folder}/portico.yaml:1`, 'PORTICO_INTERNAL__PORT', '--set admin.port', undefined],
  );
});

test('everything that is wrong is said at once, with key, source and what may be written', () => {
  const yaml = lines('public:', '  port: 99999', '  prot: 1', 'drain:', '  grace: 11m', 'upstreams:', '  Orders: {address: "x:1"}', '  couriers: {}');
  const env = {
    PORTICO_TELEMETRY__LOG_LEVEL: 'loud',
    PORTICO_TELEMETRY__SAMPLE_RATIO: '2',
    PORTICO_PUBLC__PORT: '1',
    PORTICO_UPSTREAMS__COURIERS__ADRESS: 'x:1',
    PORTICO_NOTHING_LIKE_IT: '1',
    PORTICO_PUBLIC__PLAINTEXT: 'yes',
    PORTICO_AUTH__ID_TOKEN_ISSUERS: '[{"issuer":"a"}]',
    PORTICO_AUTH__EXTERNAL_ISSUERS: 'not json',
  };
  assert.equal(
    wrong({ yaml, env, set: ['admin=5', 'app.errorDomian=x', 'cache.locales=[]'] }),
    lines(
      '17 settings are wrong:',
      '  (PORTICO_PUBLC__PORT): there is no such setting. Did you mean PORTICO_PUBLIC__PORT?',
      '  (PORTICO_UPSTREAMS__COURIERS__ADRESS): there is no such setting. Did you mean PORTICO_UPSTREAMS__COURIERS__ADDRESS?',
      '  (PORTICO_NOTHING_LIKE_IT): there is no such setting. docs/reference/configuration.md lists them.',
      '  auth.externalIssuers (PORTICO_AUTH__EXTERNAL_ISSUERS): is not JSON. Write a list, each with the keys issuer, jwksUrl, audiences, algorithms, typ, scopeClaim, scopePrefix, userPrefix, lifetimeMax, as JSON.',
      '  public.port (portico.yaml:2): 99999 is not allowed. Write a whole number from 0 to 65535.',
      '  public.plaintext (PORTICO_PUBLIC__PLAINTEXT): "yes" is not allowed. Write true or false.',
      '  public.prot (portico.yaml:3): there is no such setting. Did you mean port?',
      '  admin (--set admin): 5 is not allowed. Write the keys host, port.',
      '  auth.idTokenIssuers.0.jwksUrl (not set; PORTICO_AUTH__ID_TOKEN_ISSUERS): is needed. Write a URL such as https://id.example.com/jwks.json.',
      '  auth.idTokenIssuers.0.audiences (not set; PORTICO_AUTH__ID_TOKEN_ISSUERS): is needed. Write a list of at least one, each text.',
      '  cache.locales (--set cache.locales): [] is not allowed. Write a list of at least one, each text.',
      '  upstreams.Orders (portico.yaml:7): "Orders" is not allowed here. Write a name of lower-case letters, digits and "-", such as "orders".',
      '  upstreams.couriers.address (not set; PORTICO_UPSTREAMS__COURIERS__ADDRESS): is needed. Write an address such as "orders.internal:9000".',
      '  telemetry.sampleRatio (PORTICO_TELEMETRY__SAMPLE_RATIO): 2 is not allowed. Write a number from 0 to 1.',
      '  telemetry.logLevel (PORTICO_TELEMETRY__LOG_LEVEL): "loud" is not allowed. Write one of debug, info, warn, error.',
      '  drain.grace (portico.yaml:5): "11m" is not allowed. Write a duration such as "800ms", "30s", "5m", "1h", from 0ms to 10m.',
      '  app.errorDomian (--set app.errorDomian): there is no such setting. Did you mean errorDomain?',
    ),
  );
});

test('a file that is no settings file is said with the line', () => {
  assert.equal(
    wrong({ yaml: 'public: {port: 1\nadmin: {}' }),
    lines('One setting is wrong:', '  (portico.yaml:2): is not YAML: Flow map in block collection must be sufficiently indented and end with a }.'),
  );
  assert.equal(
    wrong({ yaml: '- public' }),
    lines('One setting is wrong:', '  (portico.yaml:1): a settings file holds keys, such as `public: {port: 8443}`.'),
  );
  assert.equal(
    wrong({ yaml: 'admin: {port: 1}\nadmin: {port: 2}' }),
    lines('One setting is wrong:', '  (portico.yaml:2): is not YAML: Map keys must be unique.'),
  );
  assert.throws(
    () => loadSettings('dev', { file: join(folder, 'none.yaml'), env: {}, flags: [] }),
    new SettingsError([{ key: '', origin: join(folder, 'none.yaml'), message: 'this settings file cannot be read (ENOENT).' }]),
  );
});

test('an alias without its anchor is said with the line, and so are more aliases than any file needs', () => {
  assert.equal(
    wrong({ yaml: 'public:\n  host: *.example.com' }).split('\n')[1],
    '  public.host (portico.yaml:2): *.example.com stands for an anchor, and there is none of this name. Quote a text that begins with "*".',
  );
  const levels = Array.from({ length: 7 }, (_, i) => `a${i}: &a${i} [${Array(9).fill(i === 0 ? 'x' : `*a${i - 1}`)}]\n`);
  assert.match(wrong({ yaml: levels.join('') }), /\(portico\.yaml:1\): is not YAML: Excessive alias count/);
  assert.match(wrong({ yaml: '*a : 1' }), /\(portico\.yaml:1\): is not YAML: Unresolved alias/);
  assert.equal(load({ yaml: 'public: {host: &host 127.0.0.1}\nadmin: {host: *host}' }).admin.host, '127.0.0.1');
});

test('a key without a value says nothing', () => {
  assert.deepEqual(load({ yaml: 'public:\n  # port: 1\nadmin:\n  port:\n' }).public.port, 8443);
});

test('variables that Kubernetes sets for a Service called portico are not taken for settings', () => {
  const env = {
    PORTICO_SERVICE_HOST: '10.0.0.1',
    PORTICO_SERVICE_PORT: '8443',
    PORTICO_SERVICE_PORT_GRPC: '8443',
    PORTICO_PORT: 'tcp://10.0.0.1:8443',
    PORTICO_PORT_8443_TCP: 'tcp://10.0.0.1:8443',
    PORTICO_PORT_8443_TCP_ADDR: '10.0.0.1',
    PORTICO_INTERNAL_SERVICE_HOST: '10.0.0.2',
    PORTICO_INTERNAL_PORT: 'tcp://10.0.0.2:8444',
  };
  assert.equal(load({ env }).public.port, 8443);
  assert.equal(
    wrong({ env: { PORTICO_INTERNAL_PORT: '8444' } }),
    lines('One setting is wrong:', '  (PORTICO_INTERNAL_PORT): there is no such setting. Did you mean PORTICO_INTERNAL__PORT?'),
  );
});

test('lists and named entries can be set by variables', () => {
  const { public: listener, upstreams } = load({
    env: {
      PORTICO_PUBLIC__CORS_ORIGINS: 'https://a.example, https://b.example',
      PORTICO_UPSTREAMS__ORDER_HISTORY__ADDRESS: 'orders:9000',
      PORTICO_UPSTREAMS__ORDER_HISTORY__TLS: '{}',
    },
  });
  assert.deepEqual(listener.corsOrigins, ['https://a.example', 'https://b.example']);
  assert.deepEqual(upstreams, { 'order-history': { address: 'orders:9000', tls: {}, deadline: 5_000, attemptsMax: 3 } });
});

test('a secret comes from a file, without the line break at its end', () => {
  const secret = 'a'.repeat(40);
  const path = fileOf('refresh-key', `${secret}\n`);
  const { auth, origins } = load({ env: { PORTICO_AUTH__REFRESH_KEY_FILE: path } });
  assert.equal(auth.refreshKey, secret);
  assert.equal(origins.get('auth.refreshKey'), `PORTICO_AUTH__REFRESH_KEY_FILE → ${path}`);
});

test('DATABASE_URL and DATABASE_URL_FILE are sql.url and sql.urlFile, and go over the file', () => {
  const path = fileOf('database-url', 'postgres://file@host/db\n');
  const yaml = 'sql: {url: "postgres://yaml@host/db"}';
  assert.equal(load({ env: { DATABASE_URL: 'postgres://env@host/db' } }).sql.url, 'postgres://env@host/db');
  assert.equal(load({ yaml, env: { DATABASE_URL: 'postgres://env@host/db' } }).sql.url, 'postgres://env@host/db');
  assert.equal(load({ yaml, env: { DATABASE_URL_FILE: path } }).sql.url, 'postgres://file@host/db');
  assert.equal(load({ yaml: `sql: {urlFile: "${path}"}`, env: { DATABASE_URL: 'postgres://env@host/db' } }).sql.url, 'postgres://env@host/db');
});

test('names that every object has are no settings, in any source', () => {
  assert.equal(load({ env: { constructor: 'a', toString: 'b', valueOf: 'c' } }).mode, 'dev');
  assert.equal(
    wrong({ yaml: '__proto__: {a: 1}\nupstreams:\n  __proto__: {address: "a:1"}', set: ['upstreams.__proto__.deadline=1s'] }),
    lines(
      '2 settings are wrong:',
      `  __proto__ (portico.yaml:1): there is no such setting. The keys here are ${Object.keys(jsonSchema.properties ?? {}).join(', ')}.`,
      '  upstreams.__proto__ (portico.yaml:3): there is no such setting.',
    ),
  );
});

test('a setting said twice in one place, and a secret file that cannot be read, are errors', () => {
  const path = fileOf('url', 'postgres://a@b/c');
  assert.equal(
    wrong({ env: { DATABASE_URL: 'postgres://a@b/c', DATABASE_URL_FILE: path, PORTICO_SQL__URL: 'postgres://a@b/d' } }),
    lines(
      '2 settings are wrong:',
      '  sql.url (PORTICO_SQL__URL): is also set by DATABASE_URL. Keep one.',
      '  sql.url (DATABASE_URL_FILE): is also set by PORTICO_SQL__URL. Keep one.',
    ),
  );
  assert.equal(
    wrong({ env: { PORTICO_AUTH__REFRESH_KEY_FILE: '/nowhere/key' } }),
    lines('One setting is wrong:', '  auth.refreshKeyFile (PORTICO_AUTH__REFRESH_KEY_FILE): the file /nowhere/key cannot be read (ENOENT).'),
  );
  assert.equal(
    wrong({ env: { PORTICO_AUTH__REFRESH_KEY_FILE: fileOf('short', 'hunter2') } }),
    lines(
      'One setting is wrong:',
      '  auth.refreshKey (PORTICO_AUTH__REFRESH_KEY_FILE → short): the value is not allowed. Write text of 32 to 65536 characters.',
    ),
  );
});

test('serve listens on all addresses for clients only: for services and probes where the settings say so', () => {
  const needed: readonly Need[] = [];
  assert.deepEqual(load({ mode: 'dev' }).hosts, { public: '127.0.0.1', internal: '127.0.0.1', admin: '127.0.0.1' });
  assert.deepEqual(load({ mode: 'serve', needed }).hosts, { public: '::', internal: '127.0.0.1', admin: '127.0.0.1' });
  const named = load({ mode: 'serve', needed, set: ['public.host=127.0.0.1', 'internal.host=10.0.0.5', 'admin.host=::'] });
  assert.deepEqual(named.hosts, { public: '127.0.0.1', internal: '10.0.0.5', admin: '::' });
});

test('serve says all that it is not given, beside what is wrong', () => {
  assert.equal(
    wrong({ mode: 'serve', set: ['admin.port=x', 'sample=true'] }),
    lines(
      '7 settings are wrong:',
      '  sql.url (not set): is needed: DATABASE_URL or DATABASE_URL_FILE, or `embedded: true` for one process with a database of its own.',
      '  auth.keysDir (not set): is needed: a folder of signing keys, each a PEM file with a P-256 private key.',
      '  auth.refreshKey (not set): is needed: a secret of at least 32 characters, or `auth.refreshKeyFile` with a file that holds it.',
      '  public.tls (not set): is needed: certFile and keyFile, or `public.plaintext: true` behind a proxy that ends TLS.',
      '  internal.tls (not set): is needed: certFile and keyFile; the internal listener always speaks TLS.',
      '  sample (--set sample): is for `portico dev` only.',
      '  admin.port (--set admin.port): "x" is not allowed. Write a whole number from 0 to 65535.',
    ),
  );
});

test('a command that does less than serving asks for less', () => {
  assert.equal(
    wrong({ mode: 'serve', needed: ['sql.url'] }),
    lines(
      'One setting is wrong:',
      '  sql.url (not set): is needed: DATABASE_URL or DATABASE_URL_FILE, or `embedded: true` for one process with a database of its own.',
    ),
  );
  assert.equal(load({ mode: 'serve', needed: ['sql.url'], env: { DATABASE_URL: 'postgres://a@b/c' } }).sql.url, 'postgres://a@b/c');
});

test('settings that contradict each other are errors', () => {
  const issuer = (name: string) => `{issuer: ${name}, jwksUrl: "https://${name}.example/jwks", audiences: [app]}`;
  const yaml = lines(
    'public: {plaintext: true, port: 7000, tls: {certFile: a, keyFile: b}}',
    'admin: {port: 7000}',
    'embedded: true',
    'sql: {url: "postgres://a@b/c"}',
    'auth:',
    `  idTokenIssuers: [${issuer('one')}, ${issuer('two')}]`,
    `  externalIssuers: [${issuer('portico')}]`,
  );
  assert.equal(
    wrong({ yaml }),
    lines(
      '7 settings are wrong:',
      '  auth.idTokenIssuers.0.userPrefix (portico.yaml:6): is needed where there are several issuers, such as "corp:".',
      '  auth.idTokenIssuers.1.userPrefix (portico.yaml:6): is needed where there are several issuers, such as "corp:".',
      '  auth.externalIssuers.0.issuer (portico.yaml:7): "portico" is auth.issuer, our own: it distinguishes tokens.',
      '  auth.externalIssuers.0.userPrefix (portico.yaml:7): is needed where there are several issuers, such as "corp:".',
      '  public.plaintext (portico.yaml:1): is true, and public.tls is set: keep one of them.',
      '  admin.port (portico.yaml:2): 7000 is also public.port: each listener needs its own.',
      '  embedded (portico.yaml:3): is true, and sql.url is set: keep one of them.',
    ),
  );
});

const said = {
  yaml: 'upstreams:\n  orders: {address: "o:1", deadline: 1500ms}\n',
  env: { DATABASE_URL: 'postgres://u:hunter2@h/d', PORTICO_AUTH__REFRESH_KEY: 'hunter2'.repeat(5), PORTICO_CACHE: '{"bytesMax": 5}' },
};

test('what is in force is shown with where it was said, and never a secret', () => {
  const text = configText(load(said)).replaceAll(`${folder}/`, '');
  assert.doesNotMatch(text, /hunter2/);
  for (const line of [
    'public.host: "127.0.0.1"  (default)',
    'sql.url: "[secret]"  (DATABASE_URL)',
    'auth.refreshKey: "[secret]"  (PORTICO_AUTH__REFRESH_KEY)',
    'cache.bytesMax: 5  (PORTICO_CACHE)',
    'upstreams: {"orders":{"address":"o:1","deadline":"1500ms","attemptsMax":3}}  (portico.yaml:1)',
    'drain.grace: "10s"  (default)',
  ])
    assert.ok(text.split('\n').includes(line), `${line}\n${text}`);
});

test('no error ever shows a secret', () => {
  const texts = [
    wrong({ env: { DATABASE_URL: 'mysql://u:hunter2@h/d' } }),
    wrong({ env: { PORTICO_AUTH__REFRESH_KEY: 'hunter2' } }),
    wrong({ set: ['sql={"url":"hunter2"}'] }),
  ];
  for (const text of texts) assert.doesNotMatch(text, /hunter2/);
});

test('the JSON schema knows every setting, describes it, and refuses others', () => {
  const undescribed = leaves().filter(({ node }) => node.description === undefined);
  assert.deepEqual(
    undescribed.map(({ path }) => path.join('.')),
    [],
  );
  assert.equal(jsonSchema.additionalProperties, false);
  assert.equal((jsonSchema as { $schema?: string }).$schema, 'https://json-schema.org/draft/2020-12/schema');
});

test('no two settings have one variable', () => {
  const names = leaves().map(({ path }) => variableOf(path));
  assert.deepEqual(names.length, new Set(names).size);
});
