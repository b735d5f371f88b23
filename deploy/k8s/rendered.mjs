/**
 * The output of kustomize for the overlays, in rendered/: to review, to apply without kustomize, and for the
 * tests, which need no kubectl for it. Each file begins with a checksum of itself and of all that it was made
 * from.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));

/** Folders to render, from deploy/k8s. */
export const targets = ['overlays/single', 'overlays/scaled', 'replay', 'doctor'];

export function renderedPath(target) {
  return join(folder, 'rendered', `${basename(target)}.yaml`);
}

/** The first line of a rendered file with this content below it. */
export function headLine(content) {
  const hash = createHash('sha256');
  for (const path of sources()) hash.update(`${relative(folder, path)}\0${readFileSync(path, 'utf8')}\0`);
  return `# Made by deploy/k8s/render.mjs: do not edit. sha256 ${hash.update(content).digest('hex')}\n`;
}

function sources() {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.yaml'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter((path) => dirname(path) !== join(folder, 'rendered'))
    .sort();
}
