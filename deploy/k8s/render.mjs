/**
 * Renders the overlays anew, with `kubectl` or `kustomize` (5 or newer): run it after each change in
 * deploy/k8s.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { headLine, renderedPath, targets } from './rendered.mjs';

const folder = dirname(fileURLToPath(import.meta.url));
const tools = [
  ['kubectl', 'kustomize'],
  ['kustomize', 'build'],
];

for (const target of targets) {
  const path = renderedPath(target);
  const content = await format(render(target), { ...(await resolveConfig(path)), parser: 'yaml' });
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, headLine(content) + content);
}

function render(target) {
  for (const [program, command] of tools) {
    const { status, stdout, stderr, error } = spawnSync(program, [command, join(folder, target)], {
      encoding: 'utf8',
    });
    if (error) continue;
    if (status !== 0) throw new Error(stderr);
    return stdout;
  }
  throw new Error('neither kubectl nor kustomize is on the PATH');
}
