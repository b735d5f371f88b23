import type { ConditionFault, FaultRule, FaultState, RequestFault } from './control-types.js';
import type { MnsOperation } from './mns-operation.js';
import type { Random } from './random.js';

const receives: readonly MnsOperation[] = ['Receive', 'BatchReceive'];
const deletes: readonly MnsOperation[] = ['Delete', 'BatchDelete'];

/** Every fault kind with the operations it makes sense for; undefined: all. */
const kinds: Readonly<Record<FaultRule['kind'], readonly MnsOperation[] | undefined>> = {
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

/** The faults asked for, tried in order for each request; the dice come from the sandbox's seed. */
export class FaultRules {
  readonly #random: Random;
  #states: FaultState[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /**
   * Replaces all rules.
   * @throws TypeError for a kind that does not exist.
   */
  set(rules: readonly FaultRule[]): void {
    for (const { kind } of rules) if (!(kind in kinds)) throw new TypeError(`There is no fault kind ${kind}`);
    this.#states = rules.map((rule) => ({ rule, struck: 0 }));
  }

  list(): readonly FaultState[] {
    return this.#states;
  }

  /** The fault that strikes this request, if one does. */
  strikeRequest(operation: MnsOperation | undefined, queue: string): RequestFault | undefined {
    for (const state of this.#states) {
      const { rule } = state;
      if (isCondition(rule) || !isFor(rule, operation)) continue;
      if (this.#strikes(state, queue)) return rule;
    }
    return undefined;
  }

  /**
   * The condition of this kind that holds now, if one does. Without an operation, none is compared. `applies` is
   * asked before the dice are thrown.
   */
  strikeCondition<Kind extends ConditionFault['kind']>(
    kind: Kind,
    operation: MnsOperation | undefined,
    queue: string,
    applies: (rule: Extract<ConditionFault, { kind: Kind }>) => boolean = () => true,
  ): Extract<ConditionFault, { kind: Kind }> | undefined {
    for (const state of this.#states) {
      if (!isOfKind(state.rule, kind) || !applies(state.rule)) continue;
      if (operation !== undefined && !isFor(state.rule, operation)) continue;
      if (this.#strikes(state, queue)) return state.rule;
    }
    return undefined;
  }

  #strikes(state: FaultState, queue: string): boolean {
    const { rule } = state;
    if (rule.queue !== undefined && rule.queue !== queue) return false;
    if (rule.count !== undefined && state.struck >= rule.count) return false;
    if (rule.probability !== undefined && this.#random() >= rule.probability) return false;
    state.struck += 1;
    return true;
  }
}

function isFor({ kind, operation: only }: FaultRule, operation: MnsOperation | undefined): boolean {
  if (only !== undefined && only !== operation) return false;
  const sensible = kinds[kind];
  return sensible === undefined || (operation !== undefined && sensible.includes(operation));
}

function isCondition(rule: FaultRule): rule is ConditionFault {
  const { kind } = rule;
  return kind === 'duplicate-delivery' || kind === 'clock-skew' || kind === 'receive-without-delete-throttle';
}

function isOfKind<Kind extends ConditionFault['kind']>(
  rule: FaultRule,
  kind: Kind,
): rule is Extract<ConditionFault, { kind: Kind }> {
  return rule.kind === kind;
}
