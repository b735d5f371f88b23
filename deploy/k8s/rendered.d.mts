/** Folders to render, from deploy/k8s. */
export declare const targets: readonly string[];

/** Where what kustomize makes of a folder is kept. */
export declare function renderedPath(target: string): string;

/** The first line of a rendered file with this content below it: a checksum of that and of all sources. */
export declare function headLine(content: string): string;
