import { inspect } from 'node:util';

/**
 * Keeps the named values out of JSON.stringify, util.inspect and so out of logs, while they stay ordinary
 * properties to read. A copy made by spreading is not protected.
 */
export function conceal<T extends object>(value: T, secrets: readonly (keyof T)[]): T {
  const shown = (): object =>
    Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, secrets.includes(key as keyof T) ? '(set)' : each]),
    );
  Object.defineProperty(value, 'toJSON', { value: shown });
  Object.defineProperty(value, inspect.custom, { value: shown });
  return value;
}
