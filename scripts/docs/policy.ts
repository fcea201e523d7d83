import { createFileRegistry, type DescEnum, type DescMessage, fromBinary, ScalarType } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { readCases } from '../../test/policy/cases.ts';
import { cell, generatedBy, listItem } from './markdown.ts';

const intro = `# Policy

${generatedBy}

One option in the .proto states what a method needs from the server. The server enforces exactly this policy and has no
other source of it. \`portico plan\` prints the policy of every method. A method without a policy needs a signed-in user,
is not cached, and has a deadline of ten seconds (streams: none).

\`\`\`proto
import "portico/v1/policy.proto";

service OrderService {
  // A screen, cached for each user until one of its tags is invalidated.
  rpc GetOrder(GetOrderRequest) returns (GetOrderResponse) {
    option idempotency_level = NO_SIDE_EFFECTS;
    option (portico.v1.policy) = {
      access: {scopes: ["orders.read"]}
      deadline: "1s"
      cache: {
        scope: SCOPE_USER
        ttl: "10s"
        stale_if_error: "10m"
        tags: ["order:{order_id}"]
      }
    };
  }
  // Forwarded to an internal service byte for byte. Afterwards no replica answers with the old order.
  rpc CancelOrder(CancelOrderRequest) returns (CancelOrderResponse) {
    option (portico.v1.policy) = {
      access: {scopes: ["orders.write"]}
      forward: {
        upstream: "orders"
        method: "orders.v1.OrderService/CancelOrder"
      }
      invalidates: ["order:{order_id}", "user:{sub}"]
    };
  }
}
\`\`\`

**Templates.** A tag is literal text with \`{field}\` for a field of the request and \`{claim}\` for a claim of the caller;
\`{sub}\` is the user. A field must be a string, an integer, a boolean or an enum of the request itself, and must not be
optional. If a value is empty at run time, the answer is not stored (or nothing is invalidated), and this is counted.
One answer has at most 64 tags of at most 256 printable ASCII bytes, including those of \`context.tag()\` and of the
upstream metadata \`portico-tags\`.

`;

/** docs/reference/policy.md: fields from the comments of policy.proto, errors from the cases of test/policy. */
export function policyPage(descriptorSet: Uint8Array): string {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
  const policy = registry.getMessage('portico.v1.Policy');
  const scope = registry.getEnum('portico.v1.Scope');
  if (policy === undefined || scope === undefined) throw new Error('portico/v1/policy.proto is not in the descriptor set.');
  const cases = readCases().filter(({ name }) => name !== 'carets' && name !== 'lines');
  const errors = cases.filter(({ name }) => name !== 'warnings').map(({ name, says }) => `### ${name}\n\n${messagesOf(says)}\n`);
  const warnings = cases.filter(({ name }) => name === 'warnings').map(({ says }) => `${messagesOf(says)}\n`);
  return `${intro}## Fields

| field | type | meaning |
|---|---|---|
${fieldRows(policy, '')}
\`cache.scope\` is one of:

| scope | meaning |
|---|---|
${valueRows(scope)}
A change of a field with the option \`(portico.v1.volatile) = true\`, such as the server time, does not change the etag of
the answer.

## Errors

Contradictions stop the start. All are reported at once, sorted by file and line, each as \`file:line:column: error\` with
the line and a caret. \`portico check\` and \`portico plan\` report the same errors. These are the messages, with the names
of the tests (\`test/policy/cases\` has the .proto files):

${errors.join('\n')}
## Warnings

The banner of \`portico dev\` and \`portico serve\` shows warnings, and the server starts.

${warnings.join('')}`;
}

function fieldRows(message: DescMessage, before: string): string {
  return message.fields
    .map((field) => {
      const type =
        field.fieldKind === 'message'
          ? field.message.name
          : field.fieldKind === 'enum'
            ? field.enum.name
            : field.fieldKind === 'list'
              ? 'list of text'
              : typeName(field);
      const row = `| \`${before}${field.name}\` | ${type} | ${cell(commentOf(message, field.name))} |\n`;
      return field.fieldKind === 'message' ? row + fieldRows(field.message, `${before}${field.name}.`) : row;
    })
    .join('');
}

const scalarNames = new Map<ScalarType, string>([
  [ScalarType.BOOL, 'bool'],
  [ScalarType.UINT32, 'number'],
]);
const typeName = (field: DescMessage['fields'][number]) => (field.fieldKind === 'scalar' ? (scalarNames.get(field.scalar) ?? 'text') : 'text');

/** The leading comment of a field in the source info. FileDescriptorProto.message_type = 4, DescriptorProto.field = 2. */
function commentOf({ file, proto, fields }: DescMessage, name: string): string {
  return leading(file.proto, [4, file.proto.messageType.indexOf(proto), 2, fields.findIndex((field) => field.name === name)]);
}

/** FileDescriptorProto.enum_type = 5, EnumDescriptorProto.value = 2 */
function valueRows({ file, proto, values }: DescEnum): string {
  return values.map((value, i) => `| \`${value.name}\` | ${cell(leading(file.proto, [5, file.proto.enumType.indexOf(proto), 2, i]))} |\n`).join('');
}

function leading({ sourceCodeInfo }: DescMessage['file']['proto'], path: readonly number[]): string {
  return sourceCodeInfo?.location.find((location) => location.path.join() === path.join())?.leadingComments ?? '';
}

/** The distinct messages, without positions and lines. */
function messagesOf(says: string): string {
  const messages = says.split('\n').flatMap((line) => line.match(/^test\/policy\/cases\/\w+\.proto:\d+:\d+: (.*)$/)?.[1] ?? []);
  return [...new Set(messages)].map((message) => listItem(message.replaceAll('<', '&lt;'))).join('\n');
}
