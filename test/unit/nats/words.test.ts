/** The words and numbers of the client library and of JetStream stand in src/nats alone. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ErrorCode, NatsError } from 'nats';
import t from 'tap';
import { projectRoot } from '../../../deploy/local/nats-server.mjs';
import { apiErrors, isApiError, isClientError } from '../../../src/nats/error-codes.js';
import { connectFaultOf, reasonOf } from '../../../src/nats/words.js';

t.test('one word of the library is put into words for an operator', (t) => {
  const rows: [error: unknown, reason: string][] = [
    [NatsError.errorForCode(ErrorCode.Timeout), 'NATS does not answer in time (TIMEOUT)'],
    [
      NatsError.errorForCode(ErrorCode.NoResponders),
      'JetStream is not enabled for the account, or has no leader (503)',
    ],
    [
      new NatsError('tls', ErrorCode.ServerOptionNotAvailable),
      'the server offers no TLS, which tls:// asks for (tls)',
    ],
    [new Error('stream not found'), 'stream not found'],
    ['no error', 'unknown'],
  ];
  for (const [error, reason] of rows) t.equal(reasonOf(error), reason);
  t.end();
});

t.test('a first connection fails for a reason that can be mended', (t) => {
  const rows: [error: NodeJS.ErrnoException, fault: string][] = [
    [NatsError.errorForCode(ErrorCode.AuthorizationViolation), 'credentials'],
    [NatsError.errorForCode(ErrorCode.AuthenticationExpired), 'credentials'],
    [NatsError.errorForCode(ErrorCode.ServerOptionNotAvailable), 'no-tls'],
    [NatsError.errorForCode(ErrorCode.Timeout), 'no-answer'],
    [errno('ECONNREFUSED'), 'refused'],
    [errno('ENOENT'), 'file'],
    [errno('ERR_TLS_CERT_ALTNAME_INVALID'), 'host-of-certificate'],
    [errno('DEPTH_ZERO_SELF_SIGNED_CERT'), 'certificate'],
    [errno('EAI_AGAIN'), 'name'],
    [errno('ELSE'), 'other'],
  ];
  for (const [error, fault] of rows) t.equal(connectFaultOf(error), fault, String(error.code));
  t.end();
});

t.test('an error is known by its code', (t) => {
  const error = new NatsError('any words', ErrorCode.JetStream404NoMessages);
  error.api_error = { code: 404, err_code: apiErrors.noMessageFound, description: 'any words' };
  t.ok(isApiError(error, 'streamNotFound', 'noMessageFound'));
  t.notOk(isApiError(error, 'streamNotFound'));
  t.notOk(isApiError(new Error('no message found'), 'noMessageFound'));
  t.ok(isClientError(NatsError.errorForCode(ErrorCode.Timeout), ErrorCode.Disconnect, ErrorCode.Timeout));
  t.notOk(isClientError(new Error(ErrorCode.Timeout), ErrorCode.Timeout));
  t.end();
});

t.test('no other file has a number of JetStream or a code of the library', (t) => {
  const codes = Object.values(ErrorCode).filter((code) => !/^4\d\d$/.test(code));
  const aCode = new RegExp(`['"/|](?:${codes.join('|')})['"/|]|(?<!\\{)\\b10[01]\\d\\d\\b`);
  const owners = ['error-codes.ts', 'words.ts'].map((name) => join('nats', name));
  const files = readdirSync(join(projectRoot, 'src'), { recursive: true, encoding: 'utf8' });
  // The sandbox speaks HTTP, which has a 503 too.
  const isOther = (file: string): boolean => !owners.includes(file) && !file.startsWith('sandbox');
  const others = files.filter((file) => file.endsWith('.ts') && isOther(file));
  t.ok(others.length > 100);
  for (const file of others) {
    const lines = readFileSync(join(projectRoot, 'src', file), 'utf8').split('\n');
    t.same(
      lines.filter((line) => aCode.test(line)),
      [],
      file,
    );
  }
  t.end();
});

function errno(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error('any words'), { code });
}
