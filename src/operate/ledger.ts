/**
 * Counts of what became of the messages of one queue. `received` is the sum of all others and what is in
 * flight.
 */
export type QueueLedger = Record<string, number> & { received: number };

/** Where every received message is accounted for, by queue and outcome, and every follow-up, by outcome. */
export class Ledger {
  readonly #queues = new Map<string, QueueLedger>();
  readonly #followUps = new Map<string, number>();

  received(queue: string, messages: number): void {
    this.#of(queue).received += messages;
  }

  settled(queue: string, outcome: string): void {
    const ledger = this.#of(queue);
    ledger[outcome] = (ledger[outcome] ?? 0) + 1;
  }

  followedUp(outcome: string): void {
    this.#followUps.set(outcome, (this.#followUps.get(outcome) ?? 0) + 1);
  }

  /** How many follow-ups came to each outcome. */
  followUps(): Record<string, number> {
    return Object.fromEntries(this.#followUps);
  }

  /** A copy, by queue. */
  totals(): Record<string, QueueLedger> {
    return Object.fromEntries([...this.#queues].map(([queue, ledger]) => [queue, { ...ledger }]));
  }

  #of(queue: string): QueueLedger {
    let ledger = this.#queues.get(queue);
    if (!ledger) this.#queues.set(queue, (ledger = { received: 0 }));
    return ledger;
  }
}
