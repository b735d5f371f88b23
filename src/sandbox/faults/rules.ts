import type { ConditionFault, FaultRule, FaultState, RequestFault, VodFault } from './fault.js';
import type { MnsOperation } from '../mns/operation.js';
import type { Random } from '../random.js';
import { vodOperations, type VodOperation } from '../control/vod-types.js';

const receives: readonly MnsOperation[] = ['Receive', 'BatchReceive'];
const deletes: readonly MnsOperation[] = ['Delete', 'BatchDelete'];

type MnsFault = RequestFault | ConditionFault;

/** Every fault kind of MNS with the operations it makes sense for; undefined: all. */
export const mnsKinds: Readonly<Record<MnsFault['kind'], readonly MnsOperation[] | undefined>> = {
  '429': undefined,
  '500': undefined,
  'html-502': undefined,
  'empty-503': undefined,
  reset: undefined,
  'reset-after-effect': undefined,
  'truncated-body': undefined,
  'slow-body': undefined,
  hang: undefined,
  'expired-token': undefined,
  respond: undefined,
  'clock-skew': undefined,
  'early-empty-poll': receives,
  'duplicate-delivery': receives,
  'receive-without-delete-throttle': receives,
  'partial-delete': ['BatchDelete'],
  'lost-delete': deletes,
};

/** Every fault kind of VOD. */
export const vodKinds: Readonly<Record<VodFault['kind'], true>> = {
  'html-502': true,
  'empty-503': true,
  reset: true,
  'reset-after-effect': true,
  'truncated-body': true,
  hang: true,
  'vod-error': true,
  slow: true,
};

/** The faults asked for, tried in order for each request; the dice come from the sandbox's seed. */
export class FaultRules {
  readonly #random: Random;
  #states: FaultState[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /**
   * Replaces all rules.
   * @throws TypeError for a kind that does not exist, or not in the rule's service, or an operation of the
   * other service.
   */
  set(rules: readonly FaultRule[]): void {
    for (const rule of rules) check(rule);
    this.#states = rules.map((rule) => ({ rule, struck: 0 }));
  }

  list(): readonly FaultState[] {
    return this.#states;
  }

  /** The fault that strikes this request, if one does. */
  strikeRequest(operation: MnsOperation | undefined, queue: string): RequestFault | undefined {
    for (const state of this.#states) {
      const { rule } = state;
      if (isVod(rule) || isCondition(rule) || !isFor(rule, operation)) continue;
      if (isForQueue(rule, queue) && this.#strikes(state)) return rule;
    }
    return undefined;
  }

  /** The fault that strikes a call of VOD that names these media, if one does. */
  strikeVod(operation: VodOperation, media: readonly string[]): VodFault | undefined {
    for (const state of this.#states) {
      const { rule } = state;
      if (!isVod(rule)) continue;
      if (rule.operation !== undefined && rule.operation !== operation) continue;
      if (rule.media !== undefined && !media.includes(rule.media)) continue;
      if (this.#strikes(state)) return rule;
    }
    return undefined;
  }

  /**
   * The condition of this kind that holds now, if one does. Without an operation, none is compared. `applies`
   * is asked before the dice are thrown.
   */
  strikeCondition<Kind extends ConditionFault['kind']>(
    kind: Kind,
    operation: MnsOperation | undefined,
    queue: string,
    applies: (rule: Extract<ConditionFault, { kind: Kind }>) => boolean = () => true,
  ): Extract<ConditionFault, { kind: Kind }> | undefined {
    for (const state of this.#states) {
      const { rule } = state;
      if (!isOfKind(rule, kind) || !applies(rule)) continue;
      if (operation !== undefined && !isFor(rule, operation)) continue;
      if (isForQueue(rule, queue) && this.#strikes(state)) return rule;
    }
    return undefined;
  }

  #strikes(state: FaultState): boolean {
    const { rule } = state;
    if (rule.count !== undefined && state.struck >= rule.count) return false;
    if (rule.probability !== undefined && this.#random() >= rule.probability) return false;
    state.struck += 1;
    return true;
  }
}

function check(rule: FaultRule): void {
  const { kind, operation, service = kind in mnsKinds ? 'mns' : 'vod' } = rule;
  if (!(kind in mnsKinds || kind in vodKinds)) throw new TypeError(`There is no fault kind ${kind}`);
  if (!['mns', 'vod'].includes(service)) throw new TypeError(`There is no service ${service}`);
  const kinds = service === 'vod' ? vodKinds : mnsKinds;
  if (!(kind in kinds)) throw new TypeError(`The service ${service} has no fault kind ${kind}`);
  if (operation === undefined || isVodOperation(operation) === (service === 'vod')) return;
  throw new TypeError(`The service ${service} has no operation ${operation}`);
}

function isVodOperation(operation: string): boolean {
  return vodOperations.some((known) => known === operation);
}

/** The kinds that both services have are faults of MNS unless the rule says otherwise. */
function isVod(rule: FaultRule): rule is VodFault {
  return rule.service === 'vod' || (rule.service === undefined && !(rule.kind in mnsKinds));
}

function isForQueue({ queue: only }: MnsFault, queue: string): boolean {
  return only === undefined || only === queue;
}

function isFor({ kind, operation: only }: MnsFault, operation: MnsOperation | undefined): boolean {
  if (only !== undefined && only !== operation) return false;
  const sensible = mnsKinds[kind];
  return sensible === undefined || (operation !== undefined && sensible.includes(operation));
}

function isCondition(rule: MnsFault): rule is ConditionFault {
  const { kind } = rule;
  return kind === 'duplicate-delivery' || kind === 'clock-skew' || kind === 'receive-without-delete-throttle';
}

function isOfKind<Kind extends ConditionFault['kind']>(
  rule: FaultRule,
  kind: Kind,
): rule is Extract<ConditionFault, { kind: Kind }> {
  return !isVod(rule) && rule.kind === kind;
}
