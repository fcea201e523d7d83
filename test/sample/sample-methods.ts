// The sample app's own methods, by the table of their policies: a screen that a team adds is none of them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const policiesFile = join(import.meta.dirname, 'policies.txt');

const methods = new Set([...readFileSync(policiesFile, 'utf8').matchAll(/^(app\.v1\.\S+)/gm)].map(([, method]) => method));

/** @param method "app.v1.HomeService/GetHome" */
export function isOfSample(method: string): boolean {
  return methods.has(method);
}
