/**
 * The promtool binary to run: PROMTOOL_BIN, else PATH, else /usr/bin, else the project's own cache.
 * Undefined when there is none; throws when PROMTOOL_BIN names no executable file.
 */
export declare function findPromtool(env?: Readonly<Record<string, string | undefined>>): string | undefined;
