import { NatsError } from 'nats';

/**
 * The error codes of JetStream that are acted on, under the names that nats-server gives them. No other file
 * has a number. Source: server/errors.json of nats-server.
 */
export const apiErrors = {
  accountResourcesExceeded: 10002,
  consumerNotFound: 10014,
  insufficientResources: 10023,
  memoryResourcesExceeded: 10028,
  noMessageFound: 10037,
  notEnabledForAccount: 10039,
  sequenceNotFound: 10043,
  storageResourcesExceeded: 10047,
  messageTooLarge: 10054,
  messageDeleteFailed: 10057,
  streamNotFound: 10059,
  streamNotMatch: 10060,
  streamWrongLastSequence: 10071,
  notEnabled: 10076,
  streamStoreFailed: 10077,
  streamSealed: 10109,
} as const;

/** The JetStream error code of an error, if it has one. */
export function apiErrorOf(error: unknown): number | undefined {
  return error instanceof NatsError ? error.api_error?.err_code : undefined;
}

/** Whether JetStream answers with one of these errors. */
export function isApiError(error: unknown, ...names: (keyof typeof apiErrors)[]): boolean {
  const code = apiErrorOf(error);
  return names.some((name) => apiErrors[name] === code);
}

/** Whether the client library gives one of these codes: members of its `ErrorCode`. */
export function isClientError(error: unknown, ...codes: string[]): boolean {
  return error instanceof NatsError && codes.includes(error.code);
}
