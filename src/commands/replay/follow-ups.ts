import type { Config } from '../../config/config.js';
import { readFollowUp } from '../../event/follow-up-event.js';
import type { FollowUp } from '../../event/follow-up.js';
import { plan } from '../../follow-up/plan.js';
import { isTooOld } from '../../follow-up/quiet.js';
import type { Content, PlanOf } from '../../replay/item.js';
import type { Clock } from '../../time.js';

/** The plan of the follow-up half, as far as it can be told beforehand: nobody calls on what is too old. */
export function createPlanOf({ policy, guard }: Config['followUp'], clock: Clock): PlanOf {
  return (followUp: FollowUp) => {
    const { kind, row } = plan(followUp, policy, guard);
    return { row, leadsToCall: kind !== 'none' && !isTooOld(followUp, clock.now()) };
  };
}

/**
 * Whether something that a replay publishes leads to a call of VOD.
 *
 * @param isFollowedUp whether events go where the follow-up half reads them.
 */
export function createCallForecast(planOf: PlanOf, isFollowedUp: boolean): (content: Content) => boolean {
  return (content) => {
    if (content.kind === 'follow-up') return planOf(content.followUp).leadsToCall;
    const followUp =
      content.kind === 'event' && isFollowedUp ? readFollowUp(content.message.body) : undefined;
    return followUp !== undefined && planOf(followUp).leadsToCall;
  };
}
