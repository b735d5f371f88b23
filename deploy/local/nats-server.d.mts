/** The project's root folder: the one that holds package.json. */
export declare const projectRoot: string;

/**
 * The nats-server binary to run: NATS_SERVER_BIN, else PATH, else /usr/sbin, else the project's own cache.
 * Undefined when there is none; throws when NATS_SERVER_BIN names no executable file.
 */
export declare function findNatsServer(
  env?: Readonly<Record<string, string | undefined>>,
): string | undefined;

/**
 * The servers to try what differs between versions: the usual one, and 2.10 where it is named or in the
 * cache.
 */
export declare function promisedNatsServers(
  env?: Readonly<Record<string, string | undefined>>,
): { version: string; binary: string | undefined }[];
