import { variableOf } from '../../src/settings/environment-variables.ts';
import { allowed, jsonSchema, type Node } from '../../src/settings/json-schema.ts';
import { cell, generatedBy } from './markdown.ts';

const intro = `# Configuration

${generatedBy}

Settings have four sources. A later one overrides an earlier one: defaults, the settings file, the environment, flags.

- **File**: YAML (or JSON), named by \`--config\` or \`PORTICO_CONFIG\`, or \`portico.yaml\` in the working directory if it
  exists. A key without a value has no effect. For completion in an editor run
  \`portico config --schema > portico.schema.json\`, and write as the first line of the file
  \`# yaml-language-server: $schema=portico.schema.json\`.
- **Environment**: the tables list the variable of each key. Two underscores separate sections. Commas separate lists of
  texts. Other lists and whole sections are JSON. The name of an entry is in capitals, with \`_\` for \`-\`:
  \`PORTICO_UPSTREAMS__ORDER_HISTORY__ADDRESS\` is \`upstreams.order-history.address\`.
- **Flags**: \`--set public.port=9443\`, with values as in variables; repeatable.
- **Secrets** are never printed. Each can be a file: \`auth.refreshKeyFile\` (\`PORTICO_AUTH__REFRESH_KEY_FILE\`) for
  \`auth.refreshKey\`, \`DATABASE_URL_FILE\` for \`DATABASE_URL\`.

An unknown key, an unknown \`PORTICO_…\` variable or an invalid value stops the start. The server reports all errors at
once, each with its key, its origin and the allowed values. \`portico config\` prints the effective settings with their
origins. \`portico check\` verifies everything without serving. The variables that Kubernetes sets for a Service whose
name begins with "portico" are not settings.

A duration is a number with a unit: \`800ms\`, \`30s\`, \`1.5m\`, \`1h\`. \`portico serve\` needs \`sql.url\` (or
\`embedded: true\`), \`auth.keysDir\`, \`auth.refreshKey\`, and a certificate for the public listener (or
\`public.plaintext: true\`) and for the internal one. \`portico dev\` creates its own.

The standard variables of OpenTelemetry configure the export of traces and metrics: \`OTEL_EXPORTER_OTLP_ENDPOINT\`,
\`OTEL_EXPORTER_OTLP_HEADERS\`, \`OTEL_RESOURCE_ATTRIBUTES\` and so on.
`;

/** Variables besides the regular one. */
const aliases: Readonly<Record<string, string>> = { 'sql.url': 'DATABASE_URL', 'sql.urlFile': 'DATABASE_URL_FILE' };
const head = '| key | variable | default | allowed values | meaning |\n|---|---|---|---|---|\n';

/** docs/reference/configuration.md, generated from the schema of the settings. */
export function configurationPage(): string {
  const sections = Object.entries(jsonSchema.properties ?? {});
  const single = sections.filter(([, node]) => node.properties === undefined && entriesOf(node) === undefined);
  const general = `\n## General\n\n${head}${single.map(([key, node]) => row([key], node)).join('')}`;
  const others = sections.filter((section) => !single.includes(section));
  return `${intro}${general}${others.map(([key, node]) => `\n## ${key}\n\n${node.description}\n\n${head}${rows([key], node)}`).join('')}`;
}

/** The node of the entries of a list or a record of objects. */
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
  const isSection = Object.values(node.properties ?? {}).some((child) => child.default !== undefined || child.properties !== undefined);
  const usual = required ? 'required' : node.default === undefined || isSection ? '' : `\`${JSON.stringify(node.default)}\``;
  return `| \`${key}\` | ${variable} | ${cell(usual)} | ${cell(node.properties === undefined ? allowed(node) : '')} | ${cell(node.description ?? '')} |\n`;
}
