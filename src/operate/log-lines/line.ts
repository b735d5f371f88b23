import type { LogLevel } from '../log.js';

/** A log line: its text and level stand here alone, and the telemetry names it by its key. */
export interface LineSpec {
  readonly level: LogLevel;
  /** Stable: alerts and scripts may look for it. */
  readonly message: string;
  /** Besides `level`, `time`, `message`, `advice` and `count`. */
  readonly fields: readonly string[];
  /**
   * The next step, in the field `advice` unless the occurrence knows a better one. Warnings and errors have
   * one.
   */
  readonly advice?: string;
}

/** Of an error. */
export const errorFields = ['code', 'status', 'requestId', 'error'] as const;

export const doctorAdvice = '`vod-relay doctor` says what to mend';
