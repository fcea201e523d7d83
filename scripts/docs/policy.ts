import { createFileRegistry, type DescEnum, type DescMessage, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { readCases } from '../../test/policy/cases.ts';
import { cell, generatedBy } from './markdown.ts';

const intro = `# Policy

${generatedBy}

What a method needs from the server stands beside it in its .proto, as one option. It is the only place: what the policy says is what is enforced, and \`portico plan\` prints it
for every method. A method without a policy is for signed-in users, is not cached, and answers within ten seconds (streams: without a limit).

\`\`\`proto
import "portico/v1/policy.proto";

service OrderService {
  // A screen, remembered for each user: it is computed again when one of its tags is made invalid.
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
  // Handed to an internal service byte for byte; afterwards no replica answers with the old order.
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

**Templates.** A tag is literal text with \`{field}\` for a field of the request and \`{claim}\` for a claim of the caller; \`{sub}\` is the user. A field must be a string, an integer,
a boolean or an enum of the request itself, and may not be optional. Where a value is empty at run time, the answer is not stored (and nothing invalidated), which is counted.
At most 64 tags of at most 256 printable ASCII bytes belong to one answer, those of \`context.tag()\` and of the upstream metadata \`portico-tags\` included.

`;

/** docs/reference/policy.md: the fields from policy.proto's comments, the errors from the cases of test/policy. */
export function policyPage(descriptorSet: Uint8Array): string {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
  const policy = registry.getMessage('portico.v1.Policy');
  const scope = registry.getEnum('portico.v1.Scope');
  if (policy === undefined || scope === undefined) throw new Error('portico/v1/policy.proto is not in the descriptor set.');
  const cases = readCases().filter(({ name }) => name !== 'carets' && name !== 'lines');
  const errors = cases.filter(({ name }) => name !== 'warnings').map(({ name, says }) => `### ${name}\n\n${messagesOf(says)}\n`);
  const warnings = cases.filter(({ name }) => name === 'warnings').map(({ says }) => `${messagesOf(says)}\n`);
  return `${intro}## Fields

| field | type | what it is |
|---|---|---|
${fieldRows(policy, '')}
\`cache.scope\` is one of:

| scope | what it is |
|---|---|
${valueRows(scope)}
A field of an answer with the option \`(portico.v1.volatile) = true\` (server time and the like) does not count as a change: it is left out of the etag.

## What stops the start

Contradictions are errors at start: all at once, sorted by file and line, each as \`file:line:column: what is wrong\` with the line and a caret. \`portico check\` and \`portico plan\` say the same.
These are the texts, with names of the test's own (\`test/policy/cases\` has the .proto files):

${errors.join('\n')}
## What is warned of

In the banner of \`portico dev\` and \`portico serve\`; the server starts.

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

const typeName = (field: DescMessage['fields'][number]) => (field.fieldKind === 'scalar' && field.scalar === 8 ? 'bool' : 'text');

/** The comment above a field, as source info has it. FileDescriptorProto.message_type = 4, DescriptorProto.field = 2. */
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

/** What was said, without places and lines, each once. */
function messagesOf(says: string): string {
  const messages = says.split('\n').flatMap((line) => line.match(/^test\/policy\/cases\/\w+\.proto:\d+:\d+: (.*)$/)?.[1] ?? []);
  return [...new Set(messages)].map((message) => `- ${message.replaceAll('<', '&lt;')}`).join('\n');
}
