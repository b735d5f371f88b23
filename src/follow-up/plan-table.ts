/** Values that a row fits; `any` fits every value, known or not. */
type Values = readonly string[] | 'any';

/**
 * Error codes that a row fits, in any case, a `*` at the end standing for any end; `none`: there is no error
 * code.
 */
type Codes = readonly string[] | 'any' | 'none';

/** One row of the plan: which events it fits, and what is to be done about them. */
export interface PlanRow {
  /** Stable: events and metrics carry it. */
  readonly name: string;
  readonly status: Values;
  readonly mediaType: Values;
  readonly deleteType: Values;
  readonly errorCode: Codes;
  /**
   * - `call`: delete what is left of the uploads;
   * - `guarded-call`: only when the guard can tell that no upload is running;
   * - `verify`: skipped, but called on under the policy `verify`, where VOD is expected to answer NotFound;
   * - the others are outcomes without a call.
   */
  readonly action: 'call' | 'guarded-call' | 'verify' | 'skipped' | 'blocked' | 'unknown';
  /** In words, for the operator. */
  readonly why: string;
}

const statuses = ['success', 'fail'];
const deleteTypes = ['all', 'mezzanine', 'stream'];

/** Refusals of the deletion. One `*` too many only ever prevents a call. */
const refusals = [
  'Forbidden*',
  'AccessDenied',
  'OperationDenied*',
  'InvalidParameter',
  'MissingParameter',
  'VideoIdsExceededMax',
];

/** The row for all that no other row fits. */
export const unknownValue: PlanRow = {
  name: 'unknown-value',
  status: 'any',
  mediaType: 'any',
  deleteType: 'any',
  errorCode: 'any',
  action: 'unknown',
  why: 'a value that this version does not know, success with an error code, or a media id that VOD cannot have given',
};

/**
 * The plan, in the order of evaluation: the first row that fits an event decides. Only the last row fits an
 * unknown value, so that none can lead to a call, and it fits everything. Codes and rules are from the
 * vendor's pages on DeleteMediaComplete, DeleteVideo and DeleteMultipartUpload.
 */
export const planRows: readonly PlanRow[] = [
  {
    name: 'not-a-video',
    status: statuses,
    mediaType: ['image', 'attached'],
    deleteType: deleteTypes,
    errorCode: 'any',
    action: 'skipped',
    why: 'DeleteMultipartUpload takes only videos',
  },
  {
    name: 'streams-deleted',
    status: statuses,
    mediaType: ['video'],
    deleteType: ['stream'],
    errorCode: 'any',
    action: 'skipped',
    why: 'transcoded outputs are not parts of an upload',
  },
  {
    name: 'deleted-whole',
    status: ['success'],
    mediaType: ['video'],
    deleteType: ['all'],
    errorCode: 'none',
    action: 'verify',
    why: 'DeleteVideo has removed the parts of uploads with the video',
  },
  {
    name: 'mezzanine-deleted',
    status: ['success'],
    mediaType: ['video'],
    deleteType: ['mezzanine'],
    errorCode: 'none',
    action: 'guarded-call',
    why: 'the source file is gone, but the video remains, and with it perhaps parts of an upload',
  },
  {
    name: 'already-gone',
    status: ['fail'],
    mediaType: ['video'],
    deleteType: ['all', 'mezzanine'],
    errorCode: ['InvalidVideo.NotFound'],
    action: 'verify',
    why: 'there is no such video to call on',
  },
  {
    name: 'refused',
    status: ['fail'],
    mediaType: ['video'],
    deleteType: ['all', 'mezzanine'],
    errorCode: refusals,
    action: 'blocked',
    why: 'VOD refused the deletion, and would refuse this call too: see to the error code, then delete the video again',
  },
  {
    name: 'failed',
    status: ['fail'],
    mediaType: ['video'],
    deleteType: ['all'],
    errorCode: 'any',
    action: 'call',
    why: 'the deletion of the video failed: it remains, and with it perhaps parts of an upload',
  },
  {
    name: 'mezzanine-failed',
    status: ['fail'],
    mediaType: ['video'],
    deleteType: ['mezzanine'],
    errorCode: 'any',
    action: 'guarded-call',
    why: 'the deletion of the source file failed: the video remains, and with it perhaps parts of an upload',
  },
  unknownValue,
];

const heading = '| Row | Status | MediaType | DeleteType | ErrorCode | `orphans` | `verify` | Why |';

/** The Markdown table of the plan. Ends with a line break. */
export function planTable(): string {
  return [heading, '|---|---|---|---|---|---|---|---|', ...planRows.map(markdownRow), ''].join('\n');
}

function markdownRow(row: PlanRow): string {
  const cells = [
    `\`${row.name}\``,
    cellOf(row.status),
    cellOf(row.mediaType),
    cellOf(row.deleteType),
    row.errorCode === 'any' ? 'any or none' : cellOf(row.errorCode),
    actionUnder('orphans', row),
    actionUnder('verify', row),
    row.why,
  ];
  return `| ${cells.join(' | ')} |`;
}

function cellOf(values: readonly string[] | 'any' | 'none'): string {
  return typeof values === 'string' ? values : values.map((value) => `\`${value}\``).join(', ');
}

function actionUnder(policy: 'orphans' | 'verify', { action }: PlanRow): string {
  switch (action) {
    case 'call':
      return '**call**';
    case 'guarded-call':
      return '**call**, with the guard only';
    case 'verify':
      return policy === 'verify' ? '**call**' : '`skipped`';
    case 'skipped':
    case 'blocked':
    case 'unknown':
      return `\`${action}\``;
  }
}
