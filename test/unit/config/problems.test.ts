import { rmSync } from 'node:fs';

import t from 'tap';

import { ConfigError } from '../../../src/config/config-error.js';
import { loadConfig } from '../../../src/config/load.js';
import { aMinimum, problemsOf, scratchFolder } from './sources.js';

t.teardown(() => {
  rmSync(scratchFolder, { recursive: true, force: true });
});

const [queue] = aMinimum().queues;

function withQueue(...extras: object[]): object {
  return { ...aMinimum(), queues: extras.map((extra) => ({ ...queue, ...extra })) };
}

/** As many queues as there are differences from the VOD of the usual one. */
function withVod(...extras: object[]): object {
  const vods = extras.map((extra) => ({ region: 'cn-shanghai', account: '1', ...extra }));
  return withQueue(...vods.map((vod, index) => ({ name: `q${index}`, vod })));
}

function withNats(nats: object): object {
  return { ...aMinimum(), nats: { servers: ['tls://nats.example.com'], ...nats } };
}

function withFollowUp(followUp: object, retention: object = {}): object {
  return { ...withNats({ retention }), followUp };
}

/** One mistake a row: what is said about it begins with the key, and names what is expected. */
const MISTAKES: readonly [content: unknown, problem: RegExp][] = [
  [{ ...aMinimum(), queues: [] }, /^queues: must be a list of at least one queue/],
  [{ ...aMinimum(), queues: 'vod-events' }, /^queues: must be a list/],
  [{ ...aMinimum(), queues: ['vod-events'] }, /^queues\[0\]: must be a section of keys/],
  [{ ...aMinimum(), nats: {} }, /^nats.servers: is required: a list of URLs/],
  [{ ...aMinimum(), log: 'info' }, /^log: must be a section of keys/],
  [{ ...aMinimum(), log: { level: ['info'] } }, /^log.level: must be one of debug, .*, got a list/],
  [{ ...aMinimum(), log: { level: { a: { b: 1 } } } }, /^log.level: must be one of .*, not a section/],
  [{ ...aMinimum(), log: { level: null } }, /^log.level: has no value; it must be one of debug/],
  [
    { ...aMinimum(), log: { level: 'verbose' } },
    /^log.level: must be one of debug.*, got "verbose" \(.*\.yaml\)$/,
  ],
  [{ ...aMinimum(), log: { leve: 'info' } }, /^log.leve: is unknown; did you mean level\?/],
  [{ ...aMinimum(), colour: 'red' }, /^colour: is unknown; known here: queues, credentials/],
  [{ ...aMinimum(), 'log.level': 'info' }, /^log.level: is unknown/],
  [JSON.stringify(aMinimum()).replace('{', '{"__proto__":{"a":1},'), /^__proto__: is unknown/],
  [{ ...aMinimum(), stop: { grace: 20 } }, /^stop.grace: must be a duration .*from 0s to 1h, got 20 /],
  [{ ...aMinimum(), stop: { grace: '20' } }, /^stop.grace: must be a duration .*, got "20"/],
  [{ ...aMinimum(), stop: { grace: '2h' } }, /^stop.grace: must be a duration/],
  [{ ...aMinimum(), stop: { grace: '1.5s' } }, /^stop.grace: must be a duration/],
  [{ ...aMinimum(), maxAttempts: '10x' }, /^maxAttempts: must be a whole number from 1 to 1000, got "10x"/],
  [{ ...aMinimum(), maxAttempts: 1.5 }, /^maxAttempts: must be a whole number/],
  [{ ...aMinimum(), foreignEvents: 'drop' }, /^foreignEvents: must be one of forward, dead-letter, discard/],
  [{ ...aMinimum(), dedupe: { horizon: 'never' } }, /^dedupe.horizon: must be auto, or a duration/],
  [{ ...aMinimum(), dedupe: { horizon: '15d' } }, /^nats.retention.events: must be at least dedupe.horizon/],
  [withQueue({ name: 'a_b' }), /^queues\[0\].name: must be an MNS queue name.*, got "a_b"/],
  [withQueue({}, {}), /^queues\[1\].name: must differ from queues\[0\].name/],
  [withQueue({}, { name: 'b', receive: { batch: 17 } }), /^queues\[1\].receive.batch: must be .*16, got 17/],
  [withQueue({ endpoint: 'mns.example.com' }), /^queues\[0\].endpoint: must be an https URL/],
  [withQueue({ endpoint: 'https://e.example.com/queues' }), /^queues\[0\].endpoint: must be an https URL/],
  [withQueue({ endpoint: 'http://e.example.com' }), /^queues\[0\].endpoint: .*allowPlainHttp: true$/],
  [withQueue({ endpoint: 'http://127.0.0.1.example.com' }), /^queues\[0\].endpoint: .*allowPlainHttp: true$/],
  [withQueue({ allowPlainHttp: 'yes' }), /^queues\[0\].allowPlainHttp: must be true or false, got "yes"/],
  [
    withQueue({ vod: { region: 'cn-shanghai', account: 123 } }),
    /^queues\[0\].vod.account: .*in quotes, got 123/,
  ],
  [withQueue({ vod: { account: '1' } }), /^queues\[0\].vod.region: is required/],
  [withVod({ endpoint: 'vod.example.com' }), /^queues\[0\].vod.endpoint: must be an https URL/],
  [withVod({ endpoint: 'https://vod.example.com/?a=b' }), /^queues\[0\].vod.endpoint: must be an https URL/],
  [withVod({ endpoint: 'https://u:p@vod.example.com' }), /^queues\[0\].vod.endpoint: must be an https URL/],
  [withVod({ endpoint: 'http://vod.example.com' }), /^queues\[0\].vod.endpoint: .*allowPlainHttp: true$/],
  [withVod({ endpoint: null }), /^queues\[0\].vod.endpoint: has no value; .* or be left out/],
  [
    withVod({}, { endpoint: 'https://vod.example.com' }),
    /^queues\[1\].vod.endpoint: must be that of queues\[0\], which has the same vod.region and vod.account$/,
  ],
  [
    withVod({ endpoint: 'https://a.example.com' }, { endpoint: 'https://a.example.com:8443' }),
    /^queues\[1\].vod.endpoint: must be that of queues\[0\]/,
  ],
  [withQueue({ mode: 'off' }), /^queues\[0\].mode: must be one of live, replay/],
  [withQueue({ receive: { wait: '1500ms' } }), /^queues\[0\].receive.wait: .*in whole seconds, .*"1500ms"/],
  [withQueue({ receive: { wait: '31s' } }), /^queues\[0\].receive.wait: /],
  [
    withQueue({ receive: { pollers: { min: 17 } } }),
    /^queues\[0\].receive.pollers.min: must not be more than/,
  ],
  [
    withQueue({ receive: { maxInFlight: 255 } }),
    /^queues\[0\].receive.maxInFlight: must be at least .* times/,
  ],
  [withQueue({ ack: { linger: '2s' } }), /^queues\[0\].ack.linger: must be a duration/],
  [withQueue({ receive: { bacth: 1 } }), /^queues\[0\].receive.bacth: is unknown; did you mean batch\?/],
  [withQueue({ credentials: {} }), /^queues\[0\].credentials.type: is required: one of access_key/],
  [withNats({ servers: ['nats.example.com'] }), /^nats.servers: must be a list of URLs/],
  [withNats({ servers: ['nats://nats.example.com'] }), /^nats.servers: .*nats.allowPlaintext: true$/],
  [withNats({ servers: ['nats://localhost', 'tls://localhost'] }), /^nats.servers: must be all tls/],
  [withNats({ servers: ['nats://localhost'], tls: { caFile: '/ca' } }), /^nats.servers: .*nats.tls to have/],
  [withNats({ prefix: 'vod.*' }), /^nats.prefix: must be up to 64 letters.*, got "vod\.\*"/],
  [withNats({ prefix: 'vod.' }), /^nats.prefix: /],
  [withNats({ streamReplicas: 2 }), /^nats.streamReplicas: must be one of 1, 3, 5, got 2/],
  [withNats({ tls: { certFile: '/c' } }), /^nats.tls.certFile: needs nats.tls.keyFile beside it/],
  [withNats({ tls: { keyFile: '/k' } }), /^nats.tls.keyFile: needs nats.tls.certFile beside it/],
  [withNats({ auth: { type: 'jwt' } }), /^nats.auth.type: must be one of none, creds/],
  [withNats({ auth: { type: 'user', password: 'p' } }), /^nats.auth.user: is required with type user/],
  [withNats({ auth: { token: 't' } }), /^nats.auth.token: does not belong to type none/],
  [
    withNats({ auth: { type: 'token', token: 't', tokenFile: '/t' } }),
    /^nats.auth.token: is given more than/,
  ],
  [withNats({ auth: { type: 'token', tokenFile: '/no/such/file' } }), /^nats.auth.tokenFile: .*\(ENOENT\)$/],
  [withNats({ auth: { type: 'user', user: 'u', password: 123 } }), /^nats.auth.password: must be text/],
  [withNats({ retention: { followUps: '14' } }), /^nats.retention.followUps: must be a duration/],
  [withFollowUp({ policy: 'all' }), /^followUp.policy: must be one of orphans, verify, off, got "all"/],
  // The value of a bare `off` after a tool that speaks YAML 1.1.
  [withFollowUp({ policy: false }), /^followUp.policy: must be one of orphans, verify, off, got false/],
  [withFollowUp({ callsPerSecond: 0 }), /^followUp.callsPerSecond: must be .*from 1 to 1000, got 0/],
  [withFollowUp({ callsPerSecond: 1001 }), /^followUp.callsPerSecond: must be .*from 1 to 1000, got 1001/],
  [withFollowUp({ guard: 'no' }), /^followUp.guard: must be true or false, got "no"/],
  [withFollowUp({ maxAttempts: 0 }), /^followUp.maxAttempts: must be .*from 1 to 100, got 0/],
  [withFollowUp({ maxAttempts: 101 }), /^followUp.maxAttempts: must be .*from 1 to 100, got 101/],
  [withFollowUp({ quietPeriod: '999ms' }), /^followUp.quietPeriod: must be .*from 1s to less than 7d, got/],
  [withFollowUp({ quietPeriod: '7d' }), /^followUp.quietPeriod: must be .*from 1s to less than 7d, got "7d"/],
  [withFollowUp({ quietPeriod: '168h' }), /^followUp.quietPeriod: must be .*less than 7d, got "168h"/],
  [
    withFollowUp({ quietPeriod: '2d' }, { followUps: '95h' }),
    /^nats.retention.followUps: must be at least twice followUp.quietPeriod, since/,
  ],
  [withFollowUp({ quietPeriode: '1d' }), /^followUp.quietPeriode: is unknown; did you mean quietPeriod\?/],
  [
    { ...aMinimum(), credentials: {} },
    /^credentials.type: is required: one of .*, since queues\[0\] has none/,
  ],
  [{ ...aMinimum(), credentials: { type: 'constructor' } }, /^credentials.type: must be one of/],
  [
    { ...aMinimum(), credentials: { type: 'ecs_ram_role', roleArn: 'acs:ram::1:role/r' } },
    /^credentials.roleArn: does not/,
  ],
];

t.test('each mistake is one problem that names its key and what is expected', (t) => {
  for (const [content, expected] of MISTAKES) {
    const problems = problemsOf([content]);
    t.ok(problems.length === 1 && expected.test(problems[0] ?? ''), String(expected), { problems });
  }
  t.end();
});

t.test('missing keys of a type are all named', (t) => {
  const problems = problemsOf([{ ...aMinimum(), credentials: { type: 'sts' } }]);
  t.same(problems, [
    'credentials.accessKeyId: is required with type sts',
    'credentials.accessKeySecret: is required with type sts',
    'credentials.securityToken: is required with type sts',
  ]);
  t.end();
});

t.test('files that cannot be used are problems, with the line of a syntax error', (t) => {
  const [missing] = problemsOfFile('/no/such/file.yaml');
  t.equal(missing, '/no/such/file.yaml: cannot be read (ENOENT)');
  t.match(
    problemsOf(['log:\n  level: info\n  level: warn\n'])[0],
    /\.yaml:3: is not valid YAML \(duplicate key\)/,
  );
  t.match(problemsOf(['log: *nowhere'])[0], /\.yaml: is not valid YAML \(an alias/);
  t.match(
    problemsOf(['log:\n  level: !custom info'])[0],
    /\.yaml:2: is not valid YAML \(tag resolve failed\)/,
  );
  t.match(problemsOf(['- log'])[0], /\.yaml: must be a section of keys/);
  t.same(problemsOf(['', '# nothing but a comment', 'log:', aMinimum()]), [], 'empty files are no mistake');
  t.end();
});

function problemsOfFile(file: string): readonly string[] {
  try {
    loadConfig({ files: [file], env: {} });
    return [];
  } catch (error) {
    return (error as ConfigError).problems;
  }
}

t.test('variables are named where they are wrong', (t) => {
  const problems = problemsOf([aMinimum()], {
    VOD_RELAY_MAX_ATTEMPTS: '12abc',
    VOD_RELAY_NATS_MANAGE_STREAMS: 'no',
    VOD_RELAY_QUEUES: '[{',
    VOD_RELAY_LOG_LEVLE: 'info',
    VOD_RELAY_SOMETHING_ELSE_ENTIRELY: '1',
    VOD_RELAY_EMPTY: '',
  });
  t.equal(problems.length, 5);
  t.match(problems, [
    /^queues: must be a list of at least one queue \(VOD_RELAY_QUEUES\)/,
    /^nats.manageStreams: must be true or false, got "no" \(VOD_RELAY_NATS_MANAGE_STREAMS\)/,
    /^maxAttempts: must be a whole number from 1 to 1000, got "12abc" \(VOD_RELAY_MAX_ATTEMPTS\)/,
    /^VOD_RELAY_LOG_LEVLE: is a variable of no key; did you mean VOD_RELAY_LOG_LEVEL\?/,
    /^VOD_RELAY_SOMETHING_ELSE_ENTIRELY: is a variable of no key$/,
  ]);
  t.end();
});

t.test('five mistakes in five places are all named at once', (t) => {
  const problems = problemsOf(
    [
      withQueue({ receive: { batch: 0 } }),
      { nats: { servres: [], ackTimeout: 5 }, credentials: { type: 'guess' } },
    ],
    { VOD_RELAY_STOP_GRACE: 'soon' },
  );
  t.equal(problems.length, 5);
  for (const key of [
    'queues[0].receive.batch',
    'nats.servres',
    'nats.ackTimeout',
    'credentials.type',
    'stop.grace',
  ]) {
    t.ok(
      problems.some((problem) => problem.startsWith(`${key}: `)),
      `names ${key}`,
    );
  }
  t.end();
});

t.test('the error lists its problems and has a code', (t) => {
  const error = new ConfigError(['a: is wrong', 'b: is wrong']);
  t.match(error, { name: 'ConfigError', code: 'CONFIG_INVALID', problems: ['a: is wrong', 'b: is wrong'] });
  t.equal(error.message, 'the configuration has 2 problems:\n  a: is wrong\n  b: is wrong');
  t.match(new ConfigError(['a: is wrong']).message, /^the configuration has 1 problem:/);
  t.end();
});

t.test('a retention of twice the quiet period is enough', (t) => {
  t.same(problemsOf([withFollowUp({ quietPeriod: '2d' }, { followUps: '4d' })]), []);
  t.end();
});

t.test('the endpoint of a VOD that is not known yet differs from no other', (t) => {
  const unclear = withVod({ region: 'Shanghai' }, { endpoint: 'https://vod.example.com' });
  t.match(problemsOf([unclear]), [/^queues\[0\].vod.region: must be a region/]);
  t.end();
});

t.test('a live queue is asked for only where one is needed', (t) => {
  const content = withQueue({ mode: 'replay' });
  t.same(problemsOf([content]), []);
  t.same(problemsOf([content], {}, true), ['queues: at least one must have mode live']);
  t.end();
});
