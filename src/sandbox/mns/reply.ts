import type { RequestCounts } from '../control/request-counts.js';
import type { RequestFault, ScriptedAnswer } from '../faults/fault.js';
import type { Exchange } from '../http/exchange.js';
import type { MnsAccount } from './account.js';
import type { MnsAnswer } from './answer.js';
import { MnsFailure } from './errors.js';
import { errorDocument } from './xml-out.js';
import {
  reset,
  sendScripted,
  sendSlowly,
  sendTruncated,
  sendWhole,
  type RawAnswer,
} from '../faults/raw-answer.js';

const gatewayPage =
  '<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n';

/** The name that a request is counted under; `Unknown` when it is no operation. */
interface Counted {
  operation: string;
  queue: string;
}

/**
 * The way back to the client of one request: sends exactly one answer, damaged as its fault says, and counts
 * it.
 */
export class MnsReply {
  readonly #account: MnsAccount;
  readonly #exchange: Exchange;
  readonly #counted: Counted;
  readonly #baseUrl: string;
  readonly #skewMs: number;
  readonly #startedMs: number;
  #isCounted = false;

  /** `skewMs` is how far the clock of the server is off. */
  constructor(account: MnsAccount, exchange: Exchange, counted: Counted, baseUrl: string, skewMs: number) {
    this.#account = account;
    this.#exchange = exchange;
    this.#counted = counted;
    this.#baseUrl = baseUrl;
    this.#skewMs = skewMs;
    this.#startedMs = account.clock.monotonicMs();
    exchange.onDisconnect(() => {
      this.#count('disconnected');
    });
  }

  /** Answers as the service does, apart from what `fault` does to the answer on its way. */
  send(answer: MnsAnswer | MnsFailure, fault?: RequestFault): void {
    const { response } = this.#exchange;
    const raw = this.#toRaw(answer);
    if (fault?.kind === 'respond') {
      this.respond(fault);
    } else if (fault?.kind === 'reset-after-effect') {
      this.#count(fault.kind);
      reset(response);
    } else if (fault?.kind === 'truncated-body') {
      this.#count(fault.kind);
      sendTruncated(response, raw);
    } else if (fault?.kind === 'slow-body') {
      this.#count(String(raw.status));
      const { chunkBytes = 64, delayMs = 20 } = fault;
      sendSlowly(response, raw, { clock: this.#account.clock, chunkBytes, delayMs });
    } else {
      this.#count(String(raw.status));
      sendWhole(response, raw);
    }
  }

  /** Answers with what a script says. */
  respond(script: ScriptedAnswer): void {
    this.#count(String(script.status));
    sendScripted(this.#exchange.response, script);
  }

  /** Answers as a gateway does whose server is broken: with a page, not with XML. */
  gatewayPage(): void {
    this.#count('502');
    sendWhole(this.#exchange.response, {
      status: 502,
      headers: ['Server', 'Tengine', 'Content-Type', 'text/html'],
      body: gatewayPage,
    });
  }

  /** Answers as a gateway does that has no server. */
  unavailable(): void {
    this.#count('503');
    sendWhole(this.#exchange.response, { status: 503, headers: ['Server', 'Tengine'], body: '' });
  }

  reset(): void {
    this.#count('reset');
    reset(this.#exchange.response);
  }

  /** Never answers. */
  hang(): void {
    this.#count('hang');
  }

  #toRaw(answer: MnsAnswer | MnsFailure): RawAnswer {
    const account = this.#account;
    const requestId = account.createRequestId();
    const isFailure = answer instanceof MnsFailure;
    const headers = [
      'Content-Type',
      'text/xml;charset=utf-8',
      'Server',
      'AliyunMQS',
      'x-mns-version',
      '2015-06-06',
      'x-mns-request-id',
      requestId,
      'Date',
      new Date(account.clock.now() + this.#skewMs).toUTCString(),
      'x-mns-response-format',
      'xml',
      'x-mns-account-type',
      '',
      'x-mns-netty-total-time',
      String(Math.round(account.clock.monotonicMs() - this.#startedMs)),
      'x-mns-threadpool-wait-time',
      '0',
    ];
    if (!isFailure && answer.headers !== undefined) headers.push(...answer.headers);
    const body = isFailure
      ? errorDocument(answer.code, answer.message, requestId, this.#baseUrl)
      : answer.body;
    return { status: answer.status, headers, body };
  }

  #count(result: string): void {
    if (this.#isCounted) return;
    this.#isCounted = true;
    const { operation, queue } = this.#counted;
    increment(this.#account.requests, operation, result);
    const counts = this.#account.find(queue)?.requests;
    if (counts !== undefined) increment(counts, operation, result);
  }
}

function increment(counts: RequestCounts, operation: string, result: string): void {
  const byResult = (counts[operation] ??= {});
  byResult[result] = (byResult[result] ?? 0) + 1;
}
