import type { MnsClient } from './mns-client.js';
import { MnsError } from './mns-error.js';

/** The operations whose permission can be asked for. */
export type ProbedOperation = 'BatchReceiveMessage' | 'BatchDeleteMessage' | 'ChangeMessageVisibility';

/** No message has it: a handle of MNS begins with 32 hexadecimal digits. */
const nobodysHandle = 'vod-relay-doctor';

/**
 * Finds out whether an operation is permitted, by a call that touches no message.
 *
 * A receive asks for 0 messages and 31 seconds, which are two values that MNS refuses. MNS does not document
 * whether it looks at the permission first, so that a receive is `unclear` at best.
 *
 * @returns `permitted` when the operation itself answered.
 * @throws MnsError with a code `AccessDenied…` when it is not permitted; any other when the call failed.
 */
export async function probePermission(
  client: MnsClient,
  queue: string,
  operation: ProbedOperation,
  signal: AbortSignal,
): Promise<'permitted' | 'unclear'> {
  try {
    await call(client, queue, operation, signal);
    return operation === 'BatchReceiveMessage' ? 'unclear' : 'permitted';
  } catch (error) {
    if (!(error instanceof MnsError)) throw error;
    if (error.isHandleGone) return 'permitted';
    if (operation === 'BatchReceiveMessage' && error.code === 'InvalidArgument') return 'unclear';
    throw error;
  }
}

async function call(
  client: MnsClient,
  queue: string,
  operation: ProbedOperation,
  signal: AbortSignal,
): Promise<unknown> {
  switch (operation) {
    case 'BatchReceiveMessage':
      return await client.request(
        'GET',
        `/queues/${queue}/messages?numOfMessages=0&waitseconds=31`,
        'Messages',
        '',
        [],
        { signal },
      );
    case 'BatchDeleteMessage':
      return await client.batchDeleteMessage(queue, [nobodysHandle]);
    case 'ChangeMessageVisibility':
      return await client.changeMessageVisibility(queue, nobodysHandle, 1);
  }
}
