import { pino, stdTimeFunctions, type Logger } from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/**
 * Fields that may hold a secret are removed here too, although no caller logs them. `*` stands for one level.
 */
const secretPaths = [
  'accessKeySecret',
  'securityToken',
  'password',
  'token',
  'receiptHandle',
  'body',
  'authorization',
].flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

const stdout = 1;

/**
 * JSON lines on standard output, written synchronously: the last line of a crash is there too, and none
 * overtakes another at the exit, as they do where pino is left to choose.
 */
export function createLog(
  level: LogLevel,
  destination: { write(line: string): void } = pino.destination({ fd: stdout, sync: true }),
): Logger {
  const options = {
    level,
    base: null,
    messageKey: 'message',
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    // A back-off is random, down to its last digit.
    serializers: { retryInMs: Math.round, awayMs: Math.round },
    redact: { paths: secretPaths, censor: '[secret]' },
  };
  return pino(options, destination);
}

export type { Logger };
