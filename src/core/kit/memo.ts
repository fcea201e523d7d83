/**
 * Values that are made once for each name. Clients choose the names, so both bounds matter.
 * @param most names; beyond it all are forgotten
 * @param longest name that is kept, in characters
 */
export function memo<Value>(most: number, longest: number): (name: string, make: () => Value) => Value {
  const known = new Map<string, Value>();
  return (name, make) => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const made = make();
    if (name.length > longest) return made;
    if (known.size >= most) known.clear();
    known.set(name, made);
    return made;
  };
}
