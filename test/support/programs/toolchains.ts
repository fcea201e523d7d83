// The toolchains of other languages that some commands need.
export const goNeeded = 'Go 1.26 or newer, with `go` on PATH.';
export const javaNeeded = 'a JDK of 17 or newer: apt-get install -y openjdk-17-jdk-headless';

/** @throws Error that says what to install, when a toolchain is too old */
export function newEnough(said: string, pattern: RegExp, [major, minor]: readonly [number, number], install: string): void {
  const [, foundMajor = 0, foundMinor = 0] = (pattern.exec(said) ?? []).map(Number);
  if (foundMajor > major || (foundMajor === major && foundMinor >= minor)) return;
  throw new Error(`"${said.trim()}" is too old. Install ${install}`);
}
