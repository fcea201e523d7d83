import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { type Compiled, compilePlans } from '../../src/core/policy/compile-plans.ts';
import { PolicyErrors, type Sources } from '../../src/core/policy/policy-errors.ts';
import { enforced, type Fields } from '../../src/core/policy/unenforced-fields.ts';
import { typesOf } from '../../src/release/release.ts';
import { buildCases, caseSources, readCases } from './cases.ts';

const cases = readCases();
/** One case is only warned of. */
const wrong = cases.filter(({ name }) => name !== 'warnings');

let descriptorSet: Uint8Array;
before(() => {
  descriptorSet = buildCases();
});

/** Targets of forward: internal services, which the server does not serve. */
const internal = new Set(['cases.forward.OrderService', 'cases.names.InternalService']);
const isOf = (name: string) => (service: string) => service.startsWith(`cases.${name}.`) && !internal.has(service);

function compile(
  served: (service: string) => boolean,
  { sources = caseSources, set = descriptorSet }: { sources?: Sources; set?: Uint8Array } = {},
): Compiled {
  return compilePlans({ registry: typesOf(set), sources, served, upstreams: new Set(['orders', 'couriers']) });
}

function errorsOf(...args: Parameters<typeof compile>): PolicyErrors {
  try {
    compile(...args);
  } catch (error) {
    assert.ok(error instanceof PolicyErrors, String(error));
    return error;
  }
  throw new Error('The compiler found nothing wrong.');
}

describe('each contradiction is said with file, line, column, what is wrong, the line and a caret', () => {
  for (const { name, says } of wrong) {
    test(name, () => {
      const errors = errorsOf(isOf(name));
      assert.equal(errors.message, says);
      assert.equal(errors.count, says.match(/^test\/policy\/cases\//gm)?.length);
    });
  }
});

test('the errors of several files come all at once, sorted by file, line and column', () => {
  const served = (service: string) => wrong.some(({ name }) => isOf(name)(service));
  assert.equal(errorsOf(served).message, wrong.map(({ says }) => says).join('\n'));
});

test('what is allowed but probably not meant is warned of, apart from the errors', () => {
  const { warnings } = compile(isOf('warnings'));
  assert.equal(warnings.join('\n'), cases.find(({ name }) => name === 'warnings')?.says);
});

test('a policy said in several options is one policy', () => {
  const plan = compile(isOf('warnings')).plans.get('/cases.warnings.WarningService/GetOrder');
  assert.deepEqual([plan?.access, plan?.cache?.ttlMs], [{ kind: 'user', scopes: ['orders.read'] }, 60_000]);
});

test('the case with line ends of Windows still has them, whatever git was told', () => {
  const { text = '' } = caseSources('lines.proto') ?? {};
  assert.doesNotMatch(text, /(?<!\r)\n/);
});

test('without the sources, as in a bundle, the place is said and the line left out', () => {
  assert.equal(
    errorsOf(isOf('lines'), { sources: () => undefined }).message,
    'lines.proto:9:5: deadline "never" is not a duration. Write a number with ms, s, m or h, such as "800ms": from 1ms to 1h.',
  );
});

test('a field of a newer policy.proto stops the start: it asks for what nothing here would enforce', () => {
  const later = new BinaryWriter()
    .tag(99, WireType.LengthDelimited)
    .string('rate limits, say')
    .tag(3, WireType.LengthDelimited)
    .bytes(
      new BinaryWriter().tag(1, WireType.Varint).uint32(2).tag(3, WireType.LengthDelimited).string('1m').tag(19, WireType.Varint).uint32(1).finish(),
    )
    .finish();
  assert.equal(
    errorsOf(isOf('access'), { set: withPolicy('access', 'ForAllWithScopes', later), sources: () => undefined }).message.split('\n')[0],
    'access.proto:9:12: field 99 is not enforced by this release: the policy was written for a newer one.',
  );
  assert.match(
    errorsOf(isOf('access'), { set: withPolicy('access', 'ForAllWithScopes', later) }).message,
    /^test\/policy\/cases\/access\.proto:9:12: cache\.field 19 is not enforced by this release: the policy was written for a newer one\.$/m,
  );
});

test('a scope of a newer policy.proto is not taken for one of ours', () => {
  const later = new BinaryWriter()
    .tag(3, WireType.LengthDelimited)
    .bytes(new BinaryWriter().tag(1, WireType.Varint).uint32(9).tag(3, WireType.LengthDelimited).string('1m').finish())
    .finish();
  assert.match(
    errorsOf(isOf('cache'), { set: withPolicy('cache', 'UserWithoutUser', later) }).message,
    /cache has no scope that this release knows\. Say for whom an answer is good: SCOPE_SHARED, SCOPE_USER or SCOPE_CLAIMS\./,
  );
});

test('more tags than an answer may have are an error', () => {
  const cache = new BinaryWriter().tag(1, WireType.Varint).uint32(2).tag(3, WireType.LengthDelimited).string('1m');
  for (let i = 0; i < 65; i += 1) cache.tag(6, WireType.LengthDelimited).string(`tag${i}`);
  const policy = new BinaryWriter().tag(3, WireType.LengthDelimited).bytes(cache.finish());
  for (let i = 0; i < 65; i += 1) policy.tag(4, WireType.LengthDelimited).string(`tag${i}`);
  const long = new BinaryWriter().tag(4, WireType.LengthDelimited).string('x'.repeat(257)).finish();
  const errors = (bytes: Uint8Array) =>
    errorsOf(isOf('invalidates'), { set: withPolicy('invalidates', 'WrongTags', bytes), sources: () => undefined }).message;
  const tooMany = errors(policy.finish());
  assert.match(tooMany, /: cache has 65 tags: at most 64 are allowed\.$/m);
  assert.match(tooMany, /: invalidates has 65 tags: at most 64 are allowed\.$/m);
  assert.match(errors(long), /: "x{257}" is longer than a tag may be: 256 bytes\.$/m);
});

test('the fields that are enforced are those of policy.proto, each of them', () => {
  const { registry } = compile(() => false);
  const numbers = (name: string, fields: Fields): void => {
    const message = registry.getMessage(name);
    assert.deepEqual(
      message?.fields.map(({ number }) => number),
      Object.keys(fields).map(Number),
      name,
    );
    for (const field of message?.fields ?? []) {
      const inner = fields[field.number];
      assert.equal(typeof inner === 'object', field.fieldKind === 'message', `${name}.${field.name}`);
      if (typeof inner === 'object' && field.fieldKind === 'message') numbers(field.message.typeName, inner);
    }
  };
  numbers('portico.v1.Policy', enforced);
});

/** The set with another policy for one method, as bytes: what no compiler of today would write. */
function withPolicy(name: string, method: string, policy: Uint8Array): Uint8Array {
  const set = fromBinary(FileDescriptorSetSchema, descriptorSet);
  const options = set.file
    .find((file) => file.name === `${name}.proto`)
    ?.service.flatMap((service) => service.method)
    .find((candidate) => candidate.name === method)?.options;
  assert.ok(options);
  options.$unknown = [{ no: 50001, wireType: WireType.LengthDelimited, data: new BinaryWriter().bytes(policy).finish() }];
  return toBinary(FileDescriptorSetSchema, set);
}
