import { join } from 'node:path';
import ts from 'typescript';
import { projectRoot } from '../../../deploy/local/nats-server.mjs';

/** A manifest as it is parsed. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  [member: string]: unknown;
}

/**
 * Holds manifests against the types of Kubernetes, strictly: a field that the API does not know, one that it
 * requires and is not there, and a value of another type are faults. Needs no network: the types are a
 * package.
 */
export function schemaFaults(manifests: readonly Manifest[]): string[] {
  const file = join(projectRoot, 'test', 'manifests.ts');
  const source = [
    // The API takes a manifest without these for granted, and then does nothing. A Namespace alone has no use
    // for a spec.
    `type Needed<T> = 'apiVersion' | 'kind' | 'metadata' | (T extends { kind?: 'Namespace' } ? never : 'spec');`,
    'type Whole<T> = T & Required<Pick<T, Extract<keyof T, Needed<T>>>>;',
    ...manifests.map((manifest, index) => {
      const { apiVersion, kind } = manifest;
      const type = `import(${JSON.stringify(`kubernetes-types/${moduleOf(apiVersion)}`)}).${kind}`;
      return `export const m${index}: Whole<${type}> = ${JSON.stringify(manifest, null, 1)};`;
    }),
  ].join('\n');
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    types: [],
    skipLibCheck: true,
  };
  const disk = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (name) => name === file || disk.fileExists(name),
    readFile: (name) => (name === file ? source : disk.readFile(name)),
    getSourceFile: (name, version) =>
      name === file ? ts.createSourceFile(name, source, version) : disk.getSourceFile(name, version),
  };
  const program = ts.createProgram([file], options, host);
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}

/** `networking.k8s.io/v1` → `networking/v1`. */
function moduleOf(apiVersion: string): string {
  const [group = '', version] = apiVersion.split('/');
  return version === undefined ? `core/${group}` : `${group.split('.')[0] ?? ''}/${version}`;
}
