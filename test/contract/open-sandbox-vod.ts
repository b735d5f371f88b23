import { request, type IncomingHttpHeaders } from 'node:http';
import type { Test } from 'tap';
import { startSandbox, type SandboxOptions } from '../../src/sandbox/sandbox.js';
import { manualClock } from '../support/manual-clock.js';
import { startMs } from './open-sandbox-mns.js';
import { signV1, signV3, type SignedRequest, type VodCallSpec } from '../support/vod-sign.js';

/** An answer of VOD, read to its end. */
export interface VodReply {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** The fields of a JSON answer; empty for any other. */
  json: Record<string, unknown>;
}

/** A sandbox whose clock the test moves, with a queue for the events of VOD, and signed calls. */
export async function openSandboxVod(test: Test, options: SandboxOptions = {}) {
  const clock = manualClock(startMs);
  const sandbox = await startSandbox({
    seed: 7,
    clock,
    queues: ['events'],
    vodEventQueue: 'events',
    ...options,
  });
  test.teardown(sandbox.close);
  let calls = 0;
  const spec = (action: string, parameters: Record<string, string>): VodCallSpec => ({
    action,
    parameters,
    host: `127.0.0.1:${sandbox.port}`,
    nonce: `nonce-${(calls += 1)}`,
    date: new Date(clock.now()).toISOString().replace(/\.\d+/, ''),
    accessKeyId: sandbox.accessKeyId,
    accessKeySecret: sandbox.accessKeySecret,
  });
  const send = async (signed: SignedRequest, body = '', signal?: AbortSignal) =>
    await sendRequest(sandbox.port, signed, body, signal);
  return {
    sandbox,
    clock,
    send,
    /** A call signed in its headers; `rest` replaces parts of it before it is signed. */
    v3: async (action: string, parameters: Record<string, string>, rest: Partial<VodCallSpec> = {}) =>
      await send(signV3({ ...spec(action, parameters), ...rest })),
    /** A call signed in its query. */
    v1: async (action: string, parameters: Record<string, string>, rest: Partial<VodCallSpec> = {}) =>
      await send(signV1({ ...spec(action, parameters), ...rest })),
    spec,
    deleteParts: async (mediaId: string) =>
      await send(signV3(spec('DeleteMultipartUpload', { MediaId: mediaId, MediaType: 'video' }))),
    /** The bodies in the queue of the events. */
    events: () =>
      sandbox.actions
        .remaining('events')
        .map(({ bodyBase64 }) => Buffer.from(bodyBase64, 'base64').toString('utf8')),
  };
}

/** Asserts that an answer is this error. */
export function refusedByVod(test: Test, reply: VodReply, status: number, code: string): void {
  test.same([reply.status, reply.json['Code']], [status, code]);
}

/** Sends a request on a connection of its own. Rejects when the connection ends before the answer does. */
async function sendRequest(
  port: number,
  { method, target, headers }: SignedRequest,
  body: string,
  signal?: AbortSignal,
): Promise<VodReply> {
  return await new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port,
        method,
        path: target,
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        agent: false,
        ...(signal === undefined ? {} : { signal }),
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.once('error', reject);
        response.once('end', () => {
          const isJson = response.headers['content-type']?.startsWith('application/json') === true;
          const json = isJson ? (JSON.parse(text) as Record<string, unknown>) : {};
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
        });
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}
