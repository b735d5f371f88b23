import { Document, isCollection, isNode } from 'yaml';

import { CREDENTIALS_VARIANTS } from './schema/credentials.js';
import { leavesOf } from './schema/leaf.js';
import { NATS_AUTH_VARIANTS } from './schema/nats.js';
import type { Sources } from './read/read.js';
import { valueOf, type Section } from './read/section.js';
import { isInUse } from './read/union.js';

type Path = readonly (string | number)[];

/**
 * The configuration in force as YAML, each key with its source: `default`, a file, or a variable. Secrets are
 * printed as `(set)`. Keys that are unset, or without meaning under the chosen type, are left out. That
 * traces are exported is a comment: the variables of OpenTelemetry say how.
 */
export function printSources({ root, queues, traces }: Sources): string {
  const document = new Document({ queues: queues.map(() => ({})) });
  queues.forEach(({ section, hasOwnCredentials }, index) => {
    for (const key of printedKeys(section)) {
      if (hasOwnCredentials || !key.startsWith('credentials.'))
        print(document, ['queues', index], section, key);
    }
  });
  for (const key of printedKeys(root)) print(document, [], root, key);
  if (traces.exporter !== 'none') document.comment = ` traces are exported: ${traces.source}`;
  return document.toString({ lineWidth: 0 });
}

function printedKeys(section: Section): string[] {
  return leavesOf(section.schema)
    .map(([key]) => key)
    .filter((key) => key !== 'queues' && valueOf(section, key) !== null)
    .filter((key) => isInUse(section, 'credentials', CREDENTIALS_VARIANTS, key))
    .filter((key) => isInUse(section, 'nats.auth', NATS_AUTH_VARIANTS, key));
}

function print(document: Document, parent: Path, section: Section, key: string): void {
  const isSecret = leavesOf(section.schema).some(([each, leaf]) => each === key && leaf.secret);
  const path = [...parent, ...key.split('.')];
  document.setIn(path, document.createNode(isSecret ? '(set)' : valueOf(section, key)));
  const node = document.getIn(path, true);
  const source = ` ${section.settings.get(key)?.source ?? 'default'}`;
  if (isCollection(node)) node.commentBefore = source;
  else if (isNode(node)) node.comment = source;
}
