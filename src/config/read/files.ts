import { readFileSync } from 'node:fs';

import { parseDocument, type Document } from 'yaml';

/**
 * The content of a config file, YAML or JSON (which YAML includes); null for an empty one. Undefined when it
 * has none to give, after reporting why. Neither the parser's messages nor its excerpts are passed on: they
 * quote the file, which may hold secrets.
 */
export function readConfigFile(file: string, report: (problem: string) => void): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    report(`${file}: cannot be read (${codeOf(error)})`);
    return undefined;
  }
  const document = parseDocument(text, { logLevel: 'silent' });
  const faults = [...document.errors, ...document.warnings];
  for (const fault of faults) {
    const line = fault.linePos?.[0].line ?? 1;
    report(`${file}:${line}: is not valid YAML (${fault.code.toLowerCase().replaceAll('_', ' ')})`);
  }
  return faults.length > 0 ? undefined : contentOf(document, file, report);
}

function contentOf(document: Document.Parsed, file: string, report: (problem: string) => void): unknown {
  try {
    return document.toJS() as unknown;
  } catch {
    report(`${file}: is not valid YAML (an alias without its anchor, or too many aliases)`);
    return undefined;
  }
}

/** Why the system refused, such as `ENOENT`. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'unknown error';
}
