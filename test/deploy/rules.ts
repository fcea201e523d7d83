// What a Dockerfile of ours has to keep to.
import type { Instruction, Stage } from './dockerfile.ts';

const labels = ['title', 'description', 'licenses', 'version', 'revision', 'source'].map((name) => `org.opencontainers.image.${name}`);
/** As exact as it gets: a digest, a whole version, or distroless, whose tags are no versions: Node and Debian are in its name. */
const pinned = /@sha256:[0-9a-f]{64}$|:\d+\.\d+\.\d+[\w.-]*$|^gcr\.io\/distroless\/\w+-debian\d+:nonroot$/;

/** @returns what is wrong, each as "line N: ..."; empty: nothing */
export function brokenRules(stages: readonly Stage[]): readonly string[] {
  const names = stages.map(({ name }) => name);
  const wrong = stages.flatMap(({ name, from, instructions }) => [
    ...(names.includes(from) || pinned.test(from) ? [] : [`stage ${name}: ${from} is not pinned`]),
    ...instructions.flatMap(brokenBy),
  ]);
  const last = stages.at(-1);
  if (last === undefined) return ['there is no stage'];
  const find = (name: string) => last.instructions.findLast((instruction) => instruction.name === name);
  const user = find('USER')?.text.split(':')[0] ?? '';
  if (!/^[1-9]\d*$/.test(user)) wrong.push('the last stage names no USER by a number that is not root: the kubelet tells root by it');
  if (find('STOPSIGNAL')?.text !== 'SIGTERM') wrong.push('the last stage says no STOPSIGNAL SIGTERM');
  for (const name of ['ENTRYPOINT', 'CMD', 'HEALTHCHECK']) if (find(name) === undefined) wrong.push(`the last stage has no ${name}`);
  if (!last.instructions.some(({ name, text }) => name === 'ENV' && text === 'NODE_ENV=production'))
    wrong.push('the last stage sets no NODE_ENV=production');
  const labelled = last.instructions.filter(({ name }) => name === 'LABEL').map(({ text }) => text);
  for (const label of labels) if (!labelled.some((text) => text.includes(`${label}=`))) wrong.push(`the last stage has no label ${label}`);
  return wrong;
}

function brokenBy({ name, text, exec, line }: Instruction): readonly string[] {
  const wrong: string[] = [];
  const isCommand = ['RUN', 'CMD', 'ENTRYPOINT', 'HEALTHCHECK'].includes(name);
  if (isCommand && exec === undefined) wrong.push(`line ${line}: ${name} is not in the exec form`);
  if (['CMD', 'ENTRYPOINT', 'HEALTHCHECK'].includes(name) && exec?.some((word) => /^(npm|npx|yarn|sh|bash)$/.test(word)))
    wrong.push(`line ${line}: ${name} starts ${exec[0]}, which does not hand signals on`);
  if (name === 'ADD') wrong.push(`line ${line}: ADD unpacks and downloads: COPY is meant`);
  if (['ENV', 'ARG'].includes(name) && /(password|secret|token|_key|database_url)/i.test(text))
    wrong.push(`line ${line}: ${name} looks like a secret, and everybody who has the image can read it`);
  return wrong;
}
