/**
 * A parsed JSON object. Its members are its own properties only, `__proto__` among them if the text has it.
 */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The member called `name`. VOD's own samples have keys with a trailing blank (`"ErrorCode "`), so a key that
 * equals `name` but for blanks around it is taken when the exact one is absent.
 */
export function member(object: JsonObject, name: string): unknown {
  if (Object.hasOwn(object, name)) return object[name];
  const key = Object.keys(object).find((candidate) => candidate.trim() === name);
  return key === undefined ? undefined : object[key];
}

/** Splits an object into the members called by one of `names`, as `member` finds them, and all the others. */
export function splitMembers(
  object: JsonObject,
  names: ReadonlySet<string>,
): { named: ReadonlyMap<string, unknown>; others: Record<string, unknown> } {
  const named = new Map<string, unknown>();
  const others: [string, unknown][] = [];
  for (const [key, value] of Object.entries(object)) {
    const name = key.trim();
    const taken = name !== key && (named.has(name) || Object.hasOwn(object, name));
    if (names.has(name) && !taken) named.set(name, value);
    else others.push([key, value]);
  }
  // fromEntries defines properties; an assignment to `__proto__` would set the prototype instead.
  return { named, others: Object.fromEntries(others) };
}
