import type { Exchange } from '../http/exchange.js';
import { reset, sendTruncated, sendWhole, type RawAnswer } from '../faults/raw-answer.js';
import type { VodAccount } from './account.js';
import { vodOperations, type VodOperation } from '../control/vod-types.js';
import type { VodFault } from '../faults/fault.js';
import { VodFailure } from './errors.js';
import { namedMedia, operations, type VodResult } from './operations.js';
import { gatewayPage, unavailable, vodAnswer } from './reply.js';
import { readVodRequest, type VodRequest } from './request.js';
import { checkSender } from './signature.js';

const vodVersion = '2017-03-21';

/** The answer to a call that a fault keeps from its operation. */
const nothing: VodResult = { answer: {}, effect: false };

/** How a call ends; what it does has been done. */
interface Judgement {
  outcome: VodResult | VodFailure;
  fault: VodFault | undefined;
}

/**
 * Answers every call of VOD: who asks and when, then the quota, then a fault if one strikes, else the
 * operation. A call that is let in counts against the quota whatever becomes of it.
 */
export function createVodHandler(account: VodAccount): (exchange: Exchange) => void {
  return (exchange) => {
    const request = readVodRequest(exchange);
    const operation = vodOperations.find((known) => known === request.action);
    const judgement = judge(account, request, operation);
    const { outcome, fault } = judgement;
    const requestId = account.createRequestId();
    const nowMs = account.clock.now();
    const result = resultOf(judgement);
    const isFailure = outcome instanceof VodFailure;
    account.calls.count(operation, result);
    if (operation === 'DeleteMultipartUpload') {
      const mediaId = request.parameter('MediaId');
      const effect = !isFailure && outcome.effect;
      account.calls.record({ operation, mediaId, atMs: nowMs, result, requestId, effect });
    }
    const answer = vodAnswer(request, isFailure ? outcome : outcome.answer, { requestId, nowMs });
    if (fault?.kind !== 'slow') {
      send(exchange, answer, fault);
      return;
    }
    const cancel = account.clock.after(fault.delayMs, () => {
      send(exchange, answer, undefined);
    });
    exchange.onDisconnect(cancel);
  };
}

function judge(account: VodAccount, request: VodRequest, operation: VodOperation | undefined): Judgement {
  const { clock, credentials, nonces, quota, faults } = account;
  let fault: VodFault | undefined;
  try {
    const nonce = checkSender(request, credentials, clock.now());
    if (!nonces.use(nonce, clock.now())) throw new VodFailure('SignatureNonceUsed');
    if (request.version !== vodVersion) throw new VodFailure('InvalidVersion');
    if (operation === undefined) throw new VodFailure('InvalidAction.NotFound');
    if (!quota.admit(operation, clock.monotonicMs())) throw new VodFailure('Throttling.User');
    fault = faults.strikeVod(operation, namedMedia(request));
    return { outcome: insteadOf(fault) ?? operations[operation](account, request), fault };
  } catch (error) {
    if (!(error instanceof VodFailure)) throw error;
    return { outcome: error, fault };
  }
}

/** The answer in place of the operation; undefined: the operation takes effect. */
function insteadOf(fault: VodFault | undefined): VodResult | VodFailure | undefined {
  switch (fault?.kind) {
    case 'vod-error':
      return new VodFailure(fault.code, undefined, fault.status);
    case 'html-502':
    case 'empty-503':
    case 'reset':
    case 'hang':
      return nothing;
    case 'reset-after-effect':
    case 'truncated-body':
    case 'slow':
    case undefined:
      return undefined;
  }
}

function resultOf({ outcome, fault }: Judgement): string {
  if (fault !== undefined && fault.kind !== 'vod-error' && fault.kind !== 'slow') return fault.kind;
  return outcome instanceof VodFailure ? outcome.code : 'ok';
}

/** Sends the answer, or what the fault makes of it. */
function send({ response }: Exchange, answer: RawAnswer, fault: VodFault | undefined): void {
  switch (fault?.kind) {
    case 'html-502':
      sendWhole(response, gatewayPage);
      break;
    case 'empty-503':
      sendWhole(response, unavailable);
      break;
    case 'reset':
    case 'reset-after-effect':
      reset(response);
      break;
    case 'truncated-body':
      sendTruncated(response, answer);
      break;
    case 'hang':
      break;
    case 'vod-error':
    case 'slow':
    case undefined:
      sendWhole(response, answer);
  }
}
