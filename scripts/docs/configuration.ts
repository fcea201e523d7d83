import { allowed, jsonSchema, type Node } from '../../src/settings/describe.ts';
import { variableOf } from '../../src/settings/environment.ts';
import { cell, generatedBy } from './markdown.ts';

const intro = `# Configuration

${generatedBy}

Settings come from four places, the later over the earlier: defaults, the settings file, the environment, flags.

- **File**: YAML (or JSON), named by \`--config\` or \`PORTICO_CONFIG\`, else \`portico.yaml\` in the working directory where there is one. A key without a value says nothing.
  For completion in an editor: \`portico config --schema > portico.schema.json\`, and as the first line of the file \`# yaml-language-server: $schema=portico.schema.json\`.
- **Environment**: the variable of each key stands in the tables; sections are parted by two underscores. Lists of texts are parted by commas; other lists, and
  whole sections, are JSON. The name of an entry is written in capitals, with \`_\` for \`-\`: \`PORTICO_UPSTREAMS__ORDER_HISTORY__ADDRESS\` is \`upstreams.order-history.address\`.
- **Flags**: \`--set public.port=9443\`, written like the variable; may be repeated.
- **Secrets** are never printed. Each may be given as a file: \`auth.refreshKeyFile\` (\`PORTICO_AUTH__REFRESH_KEY_FILE\`) for \`auth.refreshKey\`, \`DATABASE_URL_FILE\` for \`DATABASE_URL\`.

A key or a \`PORTICO_…\` variable that does not exist is an error, and so is a value that is not allowed: the server does not start, and says everything that is wrong
at once, each with its key, where it was said, and what may be written. \`portico config\` prints what is in force and where it was said; \`portico check\` looks at all of it
without serving. Not taken for settings: the variables that Kubernetes sets for a Service whose name begins with "portico".

A duration is a number with a unit: \`800ms\`, \`30s\`, \`1.5m\`, \`1h\`. \`portico serve\` needs \`sql.url\` (or \`embedded: true\`), \`auth.keysDir\`, \`auth.refreshKey\`, and a certificate for the
public listener (or \`public.plaintext: true\`) and the internal one; \`portico dev\` makes its own.

Traces and metrics are exported by the standard variables of OpenTelemetry: \`OTEL_EXPORTER_OTLP_ENDPOINT\`, \`OTEL_EXPORTER_OTLP_HEADERS\`, \`OTEL_RESOURCE_ATTRIBUTES\` and so on.
`;

/** Variables besides the usual one. */
const aliases: Readonly<Record<string, string>> = { 'sql.url': 'DATABASE_URL', 'sql.urlFile': 'DATABASE_URL_FILE' };
const head = '| key | variable | default | what may be written | what it is |\n|---|---|---|---|---|\n';

/** docs/reference/configuration.md, from the schema of the settings. */
export function configurationPage(): string {
  const sections = Object.entries(jsonSchema.properties ?? {});
  const single = sections.filter(([, node]) => node.properties === undefined && entriesOf(node) === undefined);
  const general = `\n## General\n\n${head}${single.map(([key, node]) => row([key], node)).join('')}`;
  const others = sections.filter((section) => !single.includes(section));
  return `${intro}${general}${others.map(([key, node]) => `\n## ${key}\n\n${node.description}\n\n${head}${rows([key], node)}`).join('')}`;
}

/** The node of what a list or a record of objects holds. */
function entriesOf({ items, additionalProperties }: Node): Node | undefined {
  const inner = items ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
  return inner?.properties === undefined ? undefined : inner;
}

function rows(path: readonly string[], node: Node, required = false): string {
  if (node.properties !== undefined) {
    const needed = new Set(node.required);
    const inner = Object.entries(node.properties).map(([key, child]) => rows([...path, key], child, needed.has(key)));
    return (path.length > 1 && !path.at(-1)?.startsWith('<') ? row(path, node) : '') + inner.join('');
  }
  const entries = entriesOf(node);
  if (entries === undefined) return row(path, node, required);
  return (path.length > 1 ? row(path, node, required) : '') + rows([...path, node.items === undefined ? '<name>' : '<n>'], entries);
}

function row(path: readonly string[], node: Node, required = false): string {
  const key = path.join('.').replaceAll('.<n>', '[]');
  const variable = path.includes('<n>')
    ? ''
    : [aliases[key], variableOf(path)]
        .filter((name) => name !== undefined)
        .map((name) => `\`${name}\``)
        .join(', ');
  const usual = required ? 'needed' : node.default === undefined || node.properties !== undefined ? '' : `\`${JSON.stringify(node.default)}\``;
  return `| \`${key}\` | ${variable} | ${cell(usual)} | ${cell(node.properties === undefined ? allowed(node) : '')} | ${cell(node.description ?? '')} |\n`;
}
