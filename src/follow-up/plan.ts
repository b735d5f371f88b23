import type { FollowUp } from '../event/follow-up.js';
import { planRows, unknownValue, type PlanRow } from './plan-table.js';

/**
 * `orphans`: call where parts of an upload may be left; `verify`: also where VOD should have removed them;
 * `off`: never.
 */
export type FollowUpPolicy = 'orphans' | 'verify' | 'off';

/** The action for a follow-up, and the row of the plan that gives it. */
export type Plan =
  | {
      /** `call`: parts of an upload may be left. `verify`: VOD is expected to answer that nothing is. */
      readonly kind: 'call' | 'verify';
      readonly row: string;
    }
  | {
      readonly kind: 'none';
      readonly row: string;
      readonly outcome: 'skipped' | 'blocked' | 'unknown';
      /** In words, for the operator. */
      readonly reason: string;
    };

const unguarded =
  'followUp.guard is off, and without the guard only videos whose whole deletion failed are called on';

/**
 * The action for a follow-up, by the table in `plan-table.ts`.
 *
 * @param guarded whether VOD is asked, before a call, that the media was not modified lately. Without that,
 * an upload   that is running may be what the call deletes: then only those videos are called on whose whole
 * deletion was asked   for and failed, since whoever asked has no use for an upload to it.
 */
export function plan(followUp: FollowUp, policy: FollowUpPolicy, guarded: boolean): Plan {
  const { name: row, action, why } = rowOf(followUp);
  // Off is off for refusals and unknown values too: nothing was to be called, so nothing is in the way.
  if (policy === 'off') return skipped(row, 'followUp.policy is off');
  switch (action) {
    case 'call':
      return { kind: 'call', row };
    case 'guarded-call':
      return guarded ? { kind: 'call', row } : skipped(row, unguarded);
    case 'verify':
      // Not even without the guard can this hit an upload: the video is gone, or never was, and ids are not
      // reused.
      return policy === 'verify' ? { kind: 'verify', row } : skipped(row, why);
    case 'skipped':
    case 'blocked':
    case 'unknown':
      return { kind: 'none', row, outcome: action, reason: why };
  }
}

function skipped(row: string, reason: string): Plan {
  return { kind: 'none', row, outcome: 'skipped', reason };
}

/** VOD gives ids of 32 letters and digits. One that no request could carry unchanged is not VOD's. */
const possibleMediaId = /^\P{Cs}{1,256}$/u;

function rowOf(followUp: FollowUp): PlanRow {
  if (!possibleMediaId.test(followUp.mediaId)) return unknownValue;
  const row = planRows.find(
    ({ status, mediaType, deleteType, errorCode }) =>
      fitsValue(status, followUp.status) &&
      fitsValue(mediaType, followUp.mediaType) &&
      fitsValue(deleteType, followUp.deleteType) &&
      fitsCode(errorCode, followUp.errorCode),
  );
  return row ?? unknownValue;
}

function fitsValue(values: PlanRow['status'], value: string): boolean {
  return values === 'any' || values.includes(value);
}

function fitsCode(codes: PlanRow['errorCode'], code: string | undefined): boolean {
  if (codes === 'any') return true;
  if (codes === 'none' || code === undefined) return codes === 'none' && code === undefined;
  return codes.some((pattern) => fitsPattern(pattern.toLowerCase(), code.toLowerCase()));
}

function fitsPattern(pattern: string, code: string): boolean {
  return pattern.endsWith('*') ? code.startsWith(pattern.slice(0, -1)) : code === pattern;
}
