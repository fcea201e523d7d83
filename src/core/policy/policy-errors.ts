import type { DescMethod } from '@bufbuild/protobuf';

/** The text of a .proto file for carets, by the name it has in the descriptor set. Undefined: positions are printed without the line. */
export type Sources = (file: string) => { readonly path: string; readonly text: string } | undefined;

/** One thing wrong with one policy. `path` leads from the policy to what is wrong: numbers of fields, indexes of lists (`[3, 6, 0]` is cache.tags[0]). */
export type Finding = { readonly method: DescMethod; readonly path: readonly number[]; readonly message: string };

/** Every contradiction of all policies at once, each as `file:line:column: what is wrong` with the line and a caret. */
export class PolicyErrors extends Error {
  readonly count: number;
  constructor(findings: readonly Finding[], sources: Sources) {
    const places = findings.map((finding) => ({ ...placeOf(finding), message: finding.message }));
    places.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column));
    super(places.map((place) => render(place, sources)).join('\n'));
    this.name = 'PolicyErrors';
    this.count = findings.length;
  }
}

type Place = { readonly file: string; readonly line: number; readonly column: number };

/** Where in which file the finding is; one-based. Falls back to the nearest element around it that has a position (buf writes one for each element of an option). */
export function placeOf({ method, path }: Pick<Finding, 'method' | 'path'>): Place {
  const { file, name: serviceName } = method.parent;
  const service = file.services.findIndex((candidate) => candidate.name === serviceName);
  const index = method.parent.methods.indexOf(method);
  // FileDescriptorProto.service = 6, ServiceDescriptorProto.method = 2, MethodDescriptorProto.options = 4, our extension = 50001
  const whole = [6, service, 2, index, 4, 50001, ...path];
  const locations = file.proto.sourceCodeInfo?.location ?? [];
  for (let length = whole.length; length >= 4; length -= 1) {
    const wanted = whole.slice(0, length);
    const found = locations.find((location) => location.path.length === length && location.path.every((part, i) => part === wanted[i]));
    if (found !== undefined) return { file: `${file.name}.proto`, line: (found.span[0] ?? 0) + 1, column: (found.span[1] ?? 0) + 1 };
  }
  return { file: `${file.name}.proto`, line: 1, column: 1 };
}

function render({ file, line, column, message }: Place & { message: string }, sources: Sources): string {
  const source = sources(file);
  const head = `${source?.path ?? file}:${line}:${column}: ${message}`;
  const text = source?.text.split('\n')[line - 1];
  return text === undefined ? head : `${head}\n${text}\n${text.slice(0, column - 1).replace(/[^\t]/g, ' ')}^`;
}
