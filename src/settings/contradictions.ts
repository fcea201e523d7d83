import type { RuleSettings } from '../core/services/caller-rule.ts';
import type { Loaded } from './merge-sources.ts';
import type { Problem } from './settings-error.ts';

/** Contradictions between settings that are valid alone. */
export function contradictions({ settings, origins }: Loaded): readonly Problem[] {
  const wrong: Wrong = (key, message, said = key) => ({ key, origin: origins.get(said) ?? 'not set', message });
  return [
    ...betweenIssuers(settings.auth, wrong),
    ...listeners(settings, wrong),
    ...engines(settings, wrong),
    ...processes(settings, wrong),
    ...redisPlace(settings.redis, wrong),
    ...rules('live.namespaces', 'listen', settings.live.namespaces, wrong),
    ...rules('chat.subjects', 'open', settings.chat.subjects, wrong),
    ...chatUpstreams(settings, wrong),
    ...pushPlatforms(settings.push, wrong),
    ...bucketKey(settings.media.bucket, wrong),
    ...(settings.media.bucket !== undefined && settings.media.folder !== undefined
      ? [wrong('media.folder', 'is set, and media.bucket too: keep one of them.')]
      : []),
  ];
}

type Settings = Loaded['settings'];
/** @param said the key whose origin is reported; default: `key` */
type Wrong = (key: string, message: string, said?: string) => Problem;

/** An identity is (iss, sub): two issuers must not name the same user. */
function betweenIssuers({ idTokenIssuers, externalIssuers, issuer }: Settings['auth'], wrong: Wrong): readonly Problem[] {
  const all = [
    ...idTokenIssuers.map((other, i) => ({ ...other, key: `auth.idTokenIssuers.${i}`, external: false })),
    ...externalIssuers.map((other, i) => ({ ...other, key: `auth.externalIssuers.${i}`, external: true })),
  ];
  const isOnlyOne = new Set(all.map((one) => one.issuer)).size < 2;
  return all.flatMap((one, i) => {
    const clash = all.slice(0, i).find(({ userPrefix, issuer: other }) => userPrefix === one.userPrefix && other !== one.issuer && userPrefix !== '');
    const prefix = `${one.key}.userPrefix`;
    return [
      ...(one.external && one.issuer === issuer
        ? [wrong(`${one.key}.issuer`, `"${issuer}" is auth.issuer, our own: it distinguishes tokens.`, one.key)]
        : []),
      ...(!isOnlyOne && one.userPrefix === '' ? [wrong(prefix, 'is needed where there are several issuers, such as "corp:".', one.key)] : []),
      ...(clash === undefined
        ? []
        : [wrong(prefix, `"${one.userPrefix}" is also that of ${clash.key}: their users could have the same id.`, one.key)]),
    ];
  });
}

function listeners(settings: Settings, wrong: Wrong): readonly Problem[] {
  const { tls, plaintext } = settings.public;
  const ports = (['public', 'internal', 'admin'] as const).map((name) => ({ name, port: settings[name].port }));
  return [
    ...(tls !== undefined && plaintext ? [wrong('public.plaintext', 'is true, and public.tls is set: keep one of them.')] : []),
    ...ports.flatMap(({ name, port }, i) => {
      const other = ports.slice(0, i).find((earlier) => port !== 0 && earlier.port === port);
      return other === undefined ? [] : [wrong(`${name}.port`, `${port} is also ${other.name}.port: each listener needs its own.`)];
    }),
  ];
}

/** What is in memory is of one process. */
function processes({ workers, redis }: Settings, wrong: Wrong): readonly Problem[] {
  if (workers === 1 || redis.url !== undefined || redis.nodes.length > 0) return [];
  return [wrong('workers', `${workers} needs Redis, by which processes share tags, sessions and streams: set redis.url, or workers to 1.`)];
}

function engines({ sql, embedded }: Settings, wrong: Wrong): readonly Problem[] {
  return sql.url !== undefined && embedded === true ? [wrong('embedded', 'is true, and sql.url is set: keep one of them.')] : [];
}

/** Each mode has its own settings for the address of Redis. */
function redisPlace({ mode, url, nodes, masterName, tls }: Settings['redis'], wrong: Wrong): readonly Problem[] {
  const problems: Problem[] = [];
  if (url !== undefined && nodes.length > 0) problems.push(wrong('redis.nodes', 'is set, and redis.url too: keep one of them.'));
  if (url !== undefined && mode !== 'single') problems.push(wrong('redis.url', `is for a single Redis; mode ${mode} needs redis.nodes.`));
  if (mode === 'single' && nodes.length > 1)
    problems.push(wrong('redis.nodes', 'has several, and mode single has one: did you mean mode sentinel or cluster?'));
  if (mode !== 'single' && url === undefined && nodes.length === 0)
    problems.push(wrong('redis.nodes', `is needed for mode ${mode}: "host:port" of ${mode === 'sentinel' ? 'the Sentinels' : 'some nodes'}.`));
  if (mode === 'sentinel' && masterName === undefined) problems.push(wrong('redis.masterName', 'is needed for mode sentinel.'));
  if (mode !== 'sentinel' && masterName !== undefined) problems.push(wrong('redis.masterName', `is for mode sentinel, and redis.mode is ${mode}.`));
  if ((tls?.certFile === undefined) !== (tls?.keyFile === undefined))
    problems.push(wrong('redis.tls', 'needs certFile and keyFile together, or neither.'));
  return problems;
}

/** Each kind of rule has its own settings. */
function rules<Key extends string>(
  section: string,
  kindKey: Key,
  entries: Readonly<Record<string, Omit<RuleSettings, 'kind'> & Readonly<Record<Key, RuleSettings['kind']>>>>,
  wrong: Wrong,
): readonly Problem[] {
  const needs = { users: [], owner: [], claim: ['claim'], method: ['method', 'field'] } as const;
  return Object.entries(entries).flatMap(([name, entry]) =>
    (['claim', 'method', 'field'] as const).flatMap((key) => {
      const needed = (needs[entry[kindKey]] as readonly string[]).includes(key);
      if (needed === (entry[key] !== undefined)) return [];
      const rule = `${kindKey}: ${entry[kindKey]}`;
      return [wrong(`${section}.${name}.${key}`, needed ? `is needed for ${rule}.` : `is set, and ${rule} does not use it.`, `${section}.${name}`)];
    }),
  );
}

function chatUpstreams({ chat, upstreams }: Settings, wrong: Wrong): readonly Problem[] {
  return (['hook', 'reports'] as const).flatMap((key) => {
    const upstream = chat[key]?.upstream;
    if (upstream === undefined || Object.hasOwn(upstreams, upstream)) return [];
    return [wrong(`chat.${key}.upstream`, `names ${upstream}, and upstreams has no such name.`, `chat.${key}`)];
  });
}

/** Half of a key is none. */
function bucketKey(bucket: Settings['media']['bucket'], wrong: Wrong): readonly Problem[] {
  const [id, secret] = [bucket?.accessKeyId, bucket?.secretAccessKey];
  if ((id === undefined) === (secret === undefined)) return [];
  const missing = id === undefined ? 'accessKeyId' : 'secretAccessKey';
  return [wrong(`media.bucket.${missing}`, 'is needed: set both, or neither.', 'media.bucket')];
}

function pushPlatforms({ provider, apns, fcm }: Settings['push'], wrong: Wrong): readonly Problem[] {
  const needed = (key: string) => wrong(`push.${key}`, `is needed, or \`push.${key}File\` with a file that holds it.`, key.split('.')[0]);
  const none = provider === 'platforms' && apns === undefined && fcm === undefined;
  return [
    ...(none ? [wrong('push.provider', 'is platforms, and neither push.apns nor push.fcm is set.')] : []),
    ...(apns !== undefined && apns.key === undefined ? [needed('apns.key')] : []),
    ...(fcm !== undefined && fcm.account === undefined ? [needed('fcm.account')] : []),
  ];
}
