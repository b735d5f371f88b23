import type { RequestFault } from '../faults/fault.js';
import type { Exchange } from '../http/exchange.js';
import type { MnsAccount } from './account.js';
import type { Finish, MnsAnswer, MnsRequest } from './answer.js';
import { MnsFailure } from './errors.js';
import { batchDelete, changeVisibility, deleteMessage, peek, receive, send } from './message-operations.js';
import { readCall, type MnsCall, type MnsOperation } from './operation.js';
import {
  createQueue,
  deleteQueue,
  getQueueAttributes,
  listQueue,
  setQueueAttributes,
} from './queue-operations.js';
import { MnsReply } from './reply.js';
import { isDigestOf, judgeSignature } from './signature.js';

const mnsVersion = '2015-06-06';
const throttleLimit = 5000;
/** The real service holds a throttled request for 10 to 500 ms before it says so. */
const throttleDelayMs = 10;

type ReceiveOperation = 'Receive' | 'BatchReceive';

/** The operations that answer at once. */
const immediate: Readonly<
  Record<Exclude<MnsOperation, ReceiveOperation>, (request: MnsRequest) => MnsAnswer>
> = {
  CreateQueue: createQueue,
  SetQueueAttributes: setQueueAttributes,
  GetQueueAttributes: getQueueAttributes,
  ListQueue: listQueue,
  DeleteQueue: deleteQueue,
  Send: send,
  BatchSend: send,
  Peek: peek,
  BatchPeek: peek,
  Delete: deleteMessage,
  BatchDelete: batchDelete,
  ChangeVisibility: changeVisibility,
};

/**
 * Answers every request of the MNS queue API: a fault first if one strikes, then who asks and when, then the
 * operation. `ownUrl` stands in for the URL of a client that sends no Host header.
 */
export function createMnsHandler(account: MnsAccount, ownUrl: () => string): (exchange: Exchange) => void {
  return (exchange) => {
    const call = callOf(exchange);
    const [operation, queue] = call instanceof MnsFailure ? [undefined, ''] : [call.operation, call.queue];
    const skewMs = account.faults.strikeCondition('clock-skew', operation, queue)?.offsetMs ?? 0;
    const baseUrl = exchange.headers.host === undefined ? ownUrl() : `http://${exchange.headers.host}`;
    const reply = new MnsReply(
      account,
      exchange,
      { operation: operation ?? 'Unknown', queue },
      baseUrl,
      skewMs,
    );
    const fault = account.faults.strikeRequest(operation, queue);
    const later: Later = (delayMs, run) => {
      if (delayMs > 0) exchange.onDisconnect(account.clock.after(delayMs, run));
      else run();
    };
    if (fault !== undefined && replyInstead(fault, reply, later)) return;
    const finish: Finish = (answer) => {
      later(fault?.kind === 'respond' ? (fault.delayMs ?? 0) : 0, () => {
        reply.send(answer, fault);
      });
    };
    try {
      if (call instanceof MnsFailure) throw call;
      checkSender(account, exchange, call.operation, skewMs);
      const onDisconnect = (run: () => void): void => {
        exchange.onDisconnect(run);
      };
      const { headers, body } = exchange;
      operate({ account, call, headers, body, baseUrl, fault, onDisconnect }, finish, later);
    } catch (error) {
      if (!(error instanceof MnsFailure)) throw error;
      finish(error);
    }
  };
}

/** Runs after a delay, unless the client is gone by then. */
type Later = (delayMs: number, run: () => void) => void;

function callOf({ method, target, body }: Exchange): MnsCall | MnsFailure {
  try {
    return readCall(method, target, body);
  } catch (error) {
    if (error instanceof MnsFailure) return error;
    throw error;
  }
}

/** Lets a fault answer that comes in place of the operation; false for all others. */
function replyInstead(fault: RequestFault, reply: MnsReply, later: Later): boolean {
  const answer = answerInstead(fault, reply);
  if (!answer) return false;
  const usualMs = fault.kind === '429' ? throttleDelayMs : 0;
  later(('delayMs' in fault ? fault.delayMs : undefined) ?? usualMs, answer);
  return true;
}

function answerInstead(fault: RequestFault, reply: MnsReply): (() => void) | undefined {
  const fail = (code: ConstructorParameters<typeof MnsFailure>[0]) => () => {
    reply.send(new MnsFailure(code));
  };
  switch (fault.kind) {
    case '429':
      return fail('TooManyRequests');
    case '500':
      return fail('InternalError');
    case 'early-empty-poll':
      return fail('MessageNotExist');
    case 'expired-token':
      return fail('SecurityTokenExpired');
    case 'html-502':
      return reply.gatewayPage.bind(reply);
    case 'empty-503':
      return reply.unavailable.bind(reply);
    case 'reset':
      return reply.reset.bind(reply);
    case 'hang':
      return reply.hang.bind(reply);
    case 'respond':
      return fault.afterEffect === true ? undefined : reply.respond.bind(reply, fault);
    case 'reset-after-effect':
    case 'truncated-body':
    case 'slow-body':
    case 'partial-delete':
    case 'lost-delete':
      return undefined;
  }
}

function checkSender(account: MnsAccount, exchange: Exchange, operation: MnsOperation, skewMs: number): void {
  const { headers, body } = exchange;
  const problem = judgeSignature(exchange, account.credentials, account.clock.now() + skewMs, operation);
  if (problem !== undefined) throw new MnsFailure(problem);
  const version = headers['x-mns-version'];
  if (version === undefined) throw new MnsFailure('MissingVersionHeader');
  if (version !== mnsVersion) throw new MnsFailure('InvalidVersionHeader');
  const digest = headers['content-md5'];
  if (typeof digest === 'string' && digest !== '' && !isDigestOf(body, digest))
    throw new MnsFailure('InvalidDigest');
  const [owner] = /^\d+(?=\.mns\.)/.exec(headers.host ?? '') ?? [];
  if (owner !== undefined && owner !== account.accountId) throw new MnsFailure('AccessDenied');
}

function operate(request: MnsRequest, finish: Finish, later: Later): void {
  const { account, call } = request;
  const { operation } = call;
  if (operation !== 'Receive' && operation !== 'BatchReceive') {
    finish(immediate[operation](request));
    return;
  }
  const throttle = account.faults.strikeCondition(
    'receive-without-delete-throttle',
    operation,
    call.queue,
    (rule) => {
      return (account.find(call.queue)?.counts().undeleted ?? 0) > (rule.limit ?? throttleLimit);
    },
  );
  if (throttle === undefined) {
    receive(request, finish);
    return;
  }
  later(throttle.delayMs ?? throttleDelayMs, () => {
    finish(new MnsFailure('TooManyRequests'));
  });
}
