import type { FeedMessage, QueueSpec, SandboxCredential } from './types.js';
import type { FaultRule } from '../faults/fault.js';
import type { Exchange } from '../http/exchange.js';
import type { SandboxActions } from './actions.js';
import type { MediaSpec, UploadChange, VodQuotas } from './vod-types.js';

const prefix = '/sandbox/';

/** Whether a request is for the control endpoint. */
export function isControlTarget(target: string): boolean {
  return target.startsWith(prefix);
}

/**
 * Answers the control endpoint: JSON in, JSON out; 400 with `error` for what cannot be done, 404 for what is
 * not there. Nothing here is signed, which is one reason why the sandbox listens on loopback.
 */
export function createControlHandler(actions: SandboxActions): (exchange: Exchange) => void {
  return ({ method, target, body, response }) => {
    const url = new URL(target, 'http://sandbox');
    const [collection = '', name = '', leaf = '', ...rest] = url.pathname
      .slice(prefix.length)
      .split('/')
      .map(decodeURIComponent);
    const answer = (status: number, value: unknown): void => {
      const json = Buffer.from(`${JSON.stringify(value)}\n`);
      response
        .writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': json.length })
        .end(json);
    };
    const input = (): unknown => JSON.parse(body.toString('utf8'));
    const route = `${method} ${collection}${name && '/NAME'}${leaf && `/${leaf}`}${rest.length > 0 ? '/…' : ''}`;
    const run = routes[route];
    if (run === undefined) {
      answer(404, { error: `There is no ${method} ${url.pathname}` });
      return;
    }
    try {
      answer(200, run({ actions, name, query: url.searchParams, input }) ?? {});
    } catch (error) {
      answer(400, { error: error instanceof Error ? error.message : String(error) });
    }
  };
}

interface ControlCall {
  actions: SandboxActions;
  name: string;
  query: URLSearchParams;
  /** The request's JSON; its shape is the caller's word. */
  input: () => unknown;
}

/** Each request, with `NAME` for a name: docs/sandbox.md lists them. */
export const routes: Readonly<Record<string, (call: ControlCall) => unknown>> = {
  'GET health': ({ actions }) => actions.health(),
  'GET state': ({ actions }) => actions.state(),
  'POST reset': ({ actions }) => {
    actions.reset();
  },
  'POST queues': ({ actions, input }) => {
    actions.createQueue(input() as QueueSpec);
  },
  'DELETE queues/NAME': ({ actions, name }) => {
    actions.deleteQueue(name);
  },
  'POST queues/NAME/messages': ({ actions, name, input }) => ({
    ids: actions.feed(name, (input() as { messages: FeedMessage[] }).messages),
  }),
  'GET queues/NAME/messages': ({ actions, name }) => ({ messages: actions.remaining(name) }),
  'GET queues/NAME/history': ({ actions, name, query }) => ({
    messages: actions.history(name, query.get('id') ?? undefined),
  }),
  'PUT faults': ({ actions, input }) => {
    actions.setFaults(input() as FaultRule[]);
  },
  'GET faults': ({ actions }) => actions.state().faults,
  'DELETE faults': ({ actions }) => {
    actions.clearFaults();
  },
  'PUT credentials': ({ actions, input }) => {
    actions.setCredentials(input() as SandboxCredential[]);
  },
  'POST media': ({ actions, input }) => {
    actions.seedMedia(input() as MediaSpec[]);
  },
  'GET media/NAME': ({ actions, name }) => ({ media: actions.media(name) }),
  'PUT media/NAME/upload': ({ actions, name, input }) => {
    actions.setUpload(name, input() as UploadChange);
  },
  'GET vod-state': ({ actions }) => actions.vodState(),
  'GET vod-calls': ({ actions, query }) => ({ calls: actions.vodCalls(query.get('media') ?? undefined) }),
  'PUT vod-quotas': ({ actions, input }) => {
    actions.setVodQuotas(input() as Partial<VodQuotas>);
  },
};
