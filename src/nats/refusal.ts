import type { NatsConnection, Status } from 'nats';

/** A refusal of the server, in its own words. */
export interface Refusal {
  text: string;
  /** Of a subject that the user may not use. */
  operation?: 'publish' | 'subscription' | undefined;
  subject?: string | undefined;
}

/**
 * The refusal in a status of the type `error`. It has the code only; the library keeps the text of some
 * beside it.
 */
export function refusalOf(connection: NatsConnection, { data, permissionContext }: Status): Refusal {
  if (permissionContext) {
    const { subject } = permissionContext;
    const isPublish = permissionContext.operation === 'publish';
    return {
      text: `Permissions Violation for ${isPublish ? 'Publish' : 'Subscription'} to "${subject}"`,
      operation: isPublish ? 'publish' : 'subscription',
      subject,
    };
  }
  const { protocol } = connection as { protocol?: { lastError?: { code?: string; message?: string } } };
  const { code, message } = protocol?.lastError ?? {};
  const text = code === data && message !== undefined ? message : typeof data === 'string' ? data : 'unknown';
  return { text: text.replace(/^'|'$/g, '') };
}
