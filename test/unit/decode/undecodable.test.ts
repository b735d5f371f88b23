import fc from 'fast-check';
import t from 'tap';
import { decodeBody } from '../../../src/decode/decode-body.js';
import { jsonFaultOffset } from '../../../src/decode/json-fault.js';
import { undecodableCodes } from '../../../src/event/dead-letter-code.js';
import { anyJson, anyText } from '../event/arbitrary-events.js';
import { base64, jsonNotification, xmlNotification } from './envelopes.js';
import { bodies, event, fields, minimal, nested, required } from './undecodable-bodies.js';

t.test('each kind of undecodable body has its code and its place', async (t) => {
  for (const { name, body, code, at } of [...bodies, ...fields]) {
    const decoded = decodeBody(body);
    t.match(decoded, { kind: 'undecodable', code, at }, name);
  }
  const produced = new Set([...bodies, ...fields].map(({ code }) => code));
  t.strictSame([...produced].sort(), Object.keys(undecodableCodes).sort(), 'and every code has a row');
});

t.test('the reason names the field and what is expected', async (t) => {
  for (const { name, body, at } of fields) {
    const decoded = decodeBody(body);
    t.match(decoded, { reason: at.replace(/.* > |\[.*/g, '') }, name);
    t.match(decoded, { reason: /string|yyyy-MM-ddTHH:mm:ssZ/ }, name);
  }
});

t.test('JSON 64 levels deep is still read', async (t) => {
  t.match(decodeBody(nested(64)), { kind: 'event' });
  t.match(decodeBody(nested(65)), { code: 'too-deep' });
  const brackets = JSON.stringify({
    EventType: 'x',
    Note: '[{\\"'.repeat(100),
    Flat: new Array(100).fill([]),
  });
  t.match(decodeBody(brackets), { kind: 'event' }, 'and brackets that do not nest do not count');
});

t.test('no text makes decoding throw', async (t) => {
  const pieces = fc.constantFrom(
    '{',
    '}',
    '[',
    '"',
    ':',
    ',',
    '\\',
    '<',
    '>',
    '<Notification>',
    '<Message>',
    '</Message>',
    '&',
    ']]>',
    '=',
    event,
  );
  const anyBody = fc.oneof(
    anyText,
    fc.array(fc.oneof(pieces, anyText)).map((parts) => parts.join('')),
    anyJson.map((json) => JSON.stringify(json)),
  );
  const wrap = fc.constantFrom((text: string) => text, base64, jsonNotification, xmlNotification);
  fc.assert(
    fc.property(anyBody, wrap, wrap, (body, inner, outer) => {
      const decoded = decodeBody(outer(inner(body)));
      return (
        decoded.kind === 'event' || (decoded.code in undecodableCodes && /^[\w >[\].]+$/.test(decoded.at))
      );
    }),
    { numRuns: 500 },
  );
  t.pass();
});

t.test('neither reason nor place holds a value or a piece of the body', async (t) => {
  const secret = 'S3cr3tV4lu3';
  const cuts = fc.tuple(
    fc.nat(),
    fc.constantFrom(base64, jsonNotification, xmlNotification, (text: string) => text),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...required, 'JobIds', 'ErrorCode', secret),
      anyJson,
      cuts,
      (name, json, [cut, wrap]) => {
        const body = JSON.stringify({ ...minimal, [secret]: secret, [name]: [secret, json] });
        const whole = decodeBody(wrap(body));
        const broken = decodeBody(wrap(body).slice(0, cut % wrap(body).length));
        return [whole, broken].every(
          (d) => d.kind === 'event' || !`${d.reason}${d.at}`.includes(secret.slice(0, 4)),
        );
      },
    ),
  );
  for (const body of [
    `<${secret}>`,
    `<Notification></${secret}>`,
    `<Notification>&${secret};`,
    secret,
    `{"${secret}"`,
    `"${secret}"`,
  ]) {
    t.notMatch(JSON.stringify(decodeBody(body)), secret);
  }
});

t.test('the place of a syntax error is found exactly when JSON.parse finds one', async (t) => {
  const mutated = fc.tuple(
    anyJson,
    fc.nat(),
    fc.constantFrom('', '"', '\\', ',', '}', ']', '1', '-', ' ', 'e', 'null', '\n', '\\u12'),
  );
  fc.assert(
    fc.property(mutated, ([json, where, piece]) => {
      const text = JSON.stringify(json, null, where % 2);
      const at = where % (text.length + 1);
      const broken = text.slice(0, at) + piece + text.slice(at + (where % 3));
      const fault = jsonFaultOffset(broken);
      return parses(broken)
        ? fault === undefined
        : fault !== undefined && fault >= 0 && fault <= broken.length;
    }),
    { numRuns: 2000 },
  );
  const faults: [string, number][] = [
    ['', 0],
    ['[1 2]', 3],
    ['{"a" 1}', 5],
    ['{a:1}', 1],
    ['[1,]', 3],
    ['01', 1],
    ['"\\x"', 0],
    ['tru', 0],
    ['[}', 1],
    ['1.', 1],
  ];
  for (const [text, offset] of faults) t.equal(jsonFaultOffset(text), offset, text);
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
