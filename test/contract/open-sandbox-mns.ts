import type { Test } from 'tap';
import { startSandbox, type SandboxOptions } from '../../src/sandbox/sandbox.js';
import { until } from '../support/until.js';
import { manualClock } from '../support/manual-clock.js';
import { element, rawCall, type RawAnswer, type RawRequest } from '../support/raw-client.js';

/** When the clock of an opened sandbox starts. */
export const startMs = Date.UTC(2026, 8, 25, 1, 27, 49);

/** A sandbox whose clock the test moves, with one queue, and short forms of the calls. */
export async function openSandbox(test: Test, options: SandboxOptions = {}) {
  const clock = manualClock(startMs);
  const sandbox = await startSandbox({ seed: 7, clock, queues: ['orders'], ...options });
  test.teardown(sandbox.close);
  const call = async (
    method: string,
    target: string,
    body = '',
    headers = {},
    rest: Partial<RawRequest> = {},
  ) =>
    await rawCall(sandbox, {
      method,
      target,
      body,
      headers,
      date: new Date(clock.now()).toUTCString(),
      ...rest,
    });
  const messages = '/queues/orders/messages';
  return {
    sandbox,
    clock,
    call,
    feed: (...bodies: string[]) =>
      sandbox.actions.feed(
        'orders',
        bodies.map((body) => ({ body })),
      ),
    receive: (query = '', rest: Partial<RawRequest> = {}) => call('GET', messages + query, '', {}, rest),
    remove: (handle: string) => call('DELETE', `${messages}?ReceiptHandle=${encodeURIComponent(handle)}`),
    change: (handle: string, seconds: number | string) =>
      call('PUT', `${messages}?ReceiptHandle=${encodeURIComponent(handle)}&VisibilityTimeout=${seconds}`),
    removeBatch: (...handles: string[]) =>
      call(
        'DELETE',
        messages,
        `<ReceiptHandles>${handles.map((handle) => `<ReceiptHandle>${handle}</ReceiptHandle>`).join('')}</ReceiptHandles>`,
      ),
    state: () => {
      const state = sandbox.actions.state().queues['orders'];
      if (state === undefined) throw new Error('the queue is gone');
      return state;
    },
    /** Resolves when that many polls are open. */
    polls: async (count: number, queue = 'orders') => {
      await until(() => sandbox.actions.state().queues[queue]?.openPolls === count, {
        what: `${count} polls of ${queue} are open`,
        everyMs: 1,
      });
    },
  };
}

/** Asserts that an answer is this error. */
export function refused(test: Test, answer: RawAnswer, status: number, code: string): void {
  test.equal(answer.status, status, code);
  test.equal(element(answer.body, 'Code'), code);
}
