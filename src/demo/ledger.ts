import { areFollowUpsBalanced, type FollowUpLedger } from './follow-ups.js';
import type { DemoMessage } from './messages.js';

/** The messages sent against the messages stored. Lost and sent twice have to be 0. */
export interface DemoLedger extends FollowUpLedger {
  sent: number;
  unique: number;
  inTheStream: number;
  duplicatesSuppressed: number;
  forwarded: number;
  deadLettered: number;
  lost: number;
  sentTwice: number;
  /** Stored, but never sent. */
  unexpected: number;
  leftInTheQueue: number;
}

/** The findings of the demo at the end of the run. */
export interface Findings {
  /** How often each event is in the stream. */
  stored: ReadonlyMap<string, number>;
  deadLetters: readonly Buffer[];
  leftInTheQueue: number;
  /** The worker's own counts. */
  totals: Readonly<Record<string, number>>;
  followUps: FollowUpLedger;
}

/**
 * Balances the books from what was sent and what is stored; the worker is asked only for what nothing else
 * knows.
 * @param deleted the events that the sandbox's VOD has sent.
 */
export function balance(
  sent: readonly DemoMessage[],
  deleted: readonly string[],
  findings: Findings,
): DemoLedger {
  const { stored, deadLetters, leftInTheQueue, totals, followUps } = findings;
  const keys = { event: new Set(deleted), foreign: new Set<string>() };
  const letters = new Tally();
  for (const message of sent) {
    const { fate } = message;
    if (fate.kind === 'dead-letter') letters.add(bytesOf(message), 1);
    else keys[fate.kind].add(fate.key);
  }
  for (const body of deadLetters) letters.add(body, -1);
  const expected = new Set([...keys.event, ...keys.foreign]);
  const times = [...stored.values()];
  return {
    sent: sent.length + deleted.length,
    unique: expected.size,
    inTheStream: times.reduce((sum, n) => sum + n, 0),
    duplicatesSuppressed: totals['duplicate'] ?? 0,
    forwarded: [...keys.foreign].filter((key) => stored.has(key)).length,
    deadLettered: deadLetters.length,
    lost: [...expected].filter((key) => !stored.has(key)).length + letters.missing,
    sentTwice: times.reduce((sum, n) => sum + n - 1, 0),
    unexpected: [...stored.keys()].filter((key) => !expected.has(key)).length + letters.surplus,
    leftInTheQueue,
    ...followUps,
  };
}

export function isBalanced(ledger: DemoLedger): boolean {
  const { unique, inTheStream, lost, sentTwice, unexpected, leftInTheQueue } = ledger;
  const isRelayed = inTheStream === unique && lost + sentTwice + unexpected + leftInTheQueue === 0;
  return isRelayed && areFollowUpsBalanced(ledger);
}

/** Counts bodies, byte for byte: sent ones up, stored ones down. */
class Tally {
  readonly #counts = new Map<string, number>();

  add(body: Buffer, count: number): void {
    const key = body.toString('latin1');
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
  }

  get missing(): number {
    return [...this.#counts.values()].reduce((sum, n) => sum + Math.max(0, n), 0);
  }

  get surplus(): number {
    return [...this.#counts.values()].reduce((sum, n) => sum + Math.max(0, -n), 0);
  }
}

/** A body as a dead letter has to keep it. */
function bytesOf({ body, bodyBase64 }: DemoMessage): Buffer {
  if (bodyBase64 !== undefined) return Buffer.from(bodyBase64, 'base64');
  // Characters that XML cannot carry arrive as references, and are kept as received.
  return Buffer.from(
    (body ?? '').replace(/[\u0001-\u0008]/g, (character) => `&#${character.charCodeAt(0)};`),
  );
}
