// Which routes reach the server, and which combinations never could.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { render } from './helm.ts';

const refused: readonly (readonly [values: string, sets: readonly string[], message: RegExp])[] = [
  ['least', ['routes.tls.enabled=true'], /routes\.tls\.parentRefs is needed/],
  ['behind-a-proxy', ['routes.http.enabled=true'], /routes\.http\.parentRefs is needed/],
  ['behind-a-proxy', ['routes.tls.enabled=true', 'routes.tls.parentRefs[0].name=a'], /enable routes\.http or routes\.grpc instead/],
  ['least', ['routes.http.enabled=true', 'routes.http.parentRefs[0].name=a'], /set tls\.public\.plaintext, or routes\.backendTls/],
  ['least', ['routes.grpc.enabled=true', 'routes.grpc.parentRefs[0].name=a'], /set tls\.public\.plaintext, or routes\.backendTls/],
  ['least', ['routes.backendTls.enabled=true'], /routes\.backendTls\.hostname is needed/],
  ['behind-a-proxy', ['routes.backendTls.enabled=true', 'routes.backendTls.hostname=a.b'], /no TLS to speak/],
  ['least', ['routes.envoyGateway.enabled=true'], /neither is enabled/],
  ['least', ['routes.tls.hostnames[0]=API.example.com'], /\/routes\/tls\/hostnames\/0/],
  ['least', ['ingress.enabled=true'], /ingress\.hosts is needed/],
  ['behind-a-proxy', ['ingress.enabled=true', 'ingress.hosts[0]=a.b'], /set ingress\.passthrough to false/],
  ['least', ['ingress.enabled=true', 'ingress.hosts[0]=a.b', 'ingress.passthrough=false'], /ingress\.tlsSecretName is needed/],
  ['least', ['config.public.trustedProxies[0]=10.0.0.0/8', 'routes.gke.enabled=true'], /Google's Gateways .* send none/],
  [
    'least',
    ['config.public.trustedProxies[0]=10.0.0.0/8', 'ingress.enabled=true', 'ingress.hosts[0]=a.b', 'ingress.controller=nginx'],
    /controller nginx of Ingress sends none/,
  ],
  ['least', ['ingress.controller=traefik'], /\/ingress\/controller/],
];
for (const [values, sets, message] of refused)
  test(`${values} with ${sets.join(', ')} is refused with what to do`, () => {
    assert.throws(() => render(values, { sets }), message);
  });

test('a grpc and an http route are refused where they may have a name in common', () => {
  const both = (grpc: readonly string[], http: readonly string[]) =>
    render('behind-a-proxy', {
      sets: [
        ...['grpc', 'http'].flatMap((kind) => [`routes.${kind}.enabled=true`, `routes.${kind}.parentRefs[0].name=a`]),
        ...grpc.map((name, at) => `routes.grpc.hostnames[${at}]=${name}`),
        ...http.map((name, at) => `routes.http.hostnames[${at}]=${name}`),
      ],
    });
  for (const [grpc, http] of [
    [[], []],
    [['a.example.com'], []],
    [['a.example.com', 'b.example.com'], ['b.example.com']],
  ] as const)
    assert.throws(() => both(grpc, http), /a hostname in common/);
  both(['a.example.com'], ['b.example.com']);
});

test('every route leads to the public Service and its port', () => {
  const of = render('behind-a-proxy', {
    sets: [
      'service.public.port=8080',
      ...['grpc', 'http'].flatMap((kind) => [
        `routes.${kind}.enabled=true`,
        `routes.${kind}.parentRefs[0].name=a`,
        `routes.${kind}.hostnames[0]=${kind}.example.com`,
      ]),
    ],
  });
  type Route = { readonly rules: readonly { readonly backendRefs: readonly unknown[] }[] };
  for (const { kind, spec } of of.manifests)
    if (kind.endsWith('Route'))
      assert.deepEqual(
        (spec as Route).rules.flatMap(({ backendRefs }) => backendRefs),
        [{ name: 'test-portico', port: 8080 }],
      );
});
