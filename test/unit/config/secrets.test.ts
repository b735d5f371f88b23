import { rmSync } from 'node:fs';
import { inspect } from 'node:util';

import t from 'tap';

import { leavesOf, variableOf, type Leaf } from '../../../src/config/schema/leaf.js';
import { loadConfig, loadSources } from '../../../src/config/load.js';
import { printSources } from '../../../src/config/print.js';
import { queueSchema } from '../../../src/config/schema/queue.js';
import { rootSchema } from '../../../src/config/schema/root.js';
import { aFile, aMinimum, problemsOf, scratchFolder } from './sources.js';

t.teardown(() => {
  rmSync(scratchFolder, { recursive: true, force: true });
});

const MARK = 'hunter2-Zq8xW3';

/** A secret as it may be mistyped: in the wrong shape, as a key, in a URL, on two lines. */
const SLIPS: readonly unknown[] = [
  [MARK],
  [{ password: MARK }],
  { password: MARK },
  { [MARK]: null },
  { [`token:${MARK}`]: 1 },
  [[MARK]],
  `${MARK}\n${MARK}`,
  `nats://user:${MARK}@nats.example.com`,
  `https://${MARK}@mns.example.com`,
  MARK,
];

/** Everything anyone could see of these sources: the problems, or else what print and logs would show. */
function allOutput(contents: readonly unknown[], env: Record<string, string> = {}): string {
  const problems = problemsOf(contents, env);
  if (problems.length > 0) return problems.join('\n');
  const options = { files: contents.map(aFile), env };
  const config = loadConfig(options);
  return [printSources(loadSources(options)), JSON.stringify(config), inspect(config, { depth: null })].join(
    '\n',
  );
}

/**
 * Whether the slip is fair to plant: not where plain text is shown on purpose, and not where it is a right
 * value, since any text may be the path of a file.
 */
function isFair(leaf: Leaf<unknown>, slip: unknown): boolean {
  if (leaf.inProblems === 'shown') return typeof slip !== 'string';
  return leaf.secret || !leaf.accepts(slip);
}

function nested(key: string, value: unknown): Record<string, unknown> {
  return key.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as Record<
    string,
    unknown
  >;
}

/** Settings under which the key is looked at most closely: a type that uses secrets, one that does not. */
function settingsFor(key: string): object[] {
  if (/^credentials\.(?!type$)/.test(key))
    return ['sts', 'oidc_role_arn'].map((type) => ({ credentials: { type } }));
  if (/^nats\.auth\.(?!type$)/.test(key))
    return ['token', 'user'].map((type) => ({ nats: { auth: { type } } }));
  return [{}];
}

t.test('no slip in any key of a file or variable shows the secret', (t) => {
  const leaks: string[] = [];
  let planted = 0;
  for (const [key, leaf] of leavesOf(rootSchema)) {
    for (const slip of SLIPS.filter((each) => isFair(leaf, each))) {
      for (const setting of settingsFor(key)) {
        const output = allOutput([aMinimum(), setting, nested(key, slip)]);
        if (output.includes(MARK)) leaks.push(`${key} <- ${JSON.stringify(slip)}: ${output}`);
        planted++;
      }
      if (typeof slip !== 'string') continue;
      const output = allOutput([aMinimum()], { [variableOf(key)]: slip });
      if (output.includes(MARK)) leaks.push(`${variableOf(key)} <- ${slip}: ${output}`);
    }
  }
  t.same(leaks, []);
  t.ok(planted > 400, `${planted} slips planted`);
  t.end();
});

t.test('no slip in any key of a queue shows the secret', (t) => {
  const leaks: string[] = [];
  const [queue] = aMinimum().queues;
  for (const [key, leaf] of leavesOf(queueSchema)) {
    for (const slip of SLIPS.filter((each) => isFair(leaf, each))) {
      const tree = nested(key, slip);
      const credentials = { type: 'sts', ...Object(tree['credentials']) } as object;
      const queues = [{ ...queue, ...tree, ...(key.startsWith('credentials.') && { credentials }) }];
      const output = allOutput([aMinimum()], { VOD_RELAY_QUEUES: JSON.stringify(queues) });
      if (output.includes(MARK)) leaks.push(`${key} <- ${JSON.stringify(slip)}: ${output}`);
    }
  }
  t.same(leaks, []);
  t.end();
});

t.test('neither do broken lists, broken JSON and broken YAML', (t) => {
  const yaml = [
    `nats:\n  auth:\n    token: "${MARK}\n  b: c: d`,
    `nats:\n  auth: { type: token, token:${MARK} }`,
    `nats:\n  auth: { ${MARK} }`,
    `nats:\n  auth:\n    token: !${MARK} x`,
    `nats:\n  auth:\n    token: *${MARK}`,
    `nats:\n  auth:\n    token: {{ ${MARK} }}`,
    `credentials: ${MARK}`,
    MARK,
  ];
  for (const text of yaml) {
    const output = allOutput([text]);
    t.ok(output !== '' && !output.includes(MARK), JSON.stringify(text), { output });
  }
  for (const queues of [
    `[{"credentials":{"accessKeySecret":"${MARK}"`,
    `["${MARK}"]`,
    `{"a":"${MARK}"}`,
    `"${MARK}"`,
  ]) {
    t.notOk(allOutput([aMinimum()], { VOD_RELAY_QUEUES: queues }).includes(MARK), queues);
  }
  t.end();
});

t.test('a file or variable that holds a secret wrongly is named, not shown', (t) => {
  const key = (extra: object): object => ({ type: 'access_key', accessKeyId: 'id', ...extra });
  const twoLines = aFile(`${MARK}\n${MARK}\n`);
  const problems = problemsOf([{ ...aMinimum(), credentials: key({ accessKeySecretFile: twoLines }) }]);
  t.match(problems, [
    /^credentials.accessKeySecretFile: the file it names holds more than one line of text$/,
  ]);
  t.match(problemsOf([{ ...aMinimum(), credentials: key({ accessKeySecretFile: aFile('\n') }) }]), [
    /is empty$/,
  ]);

  const [queue] = aMinimum().queues;
  const queues = [{ ...queue, credentials: key({ accessKeySecretEnv: 'HOLDER' }) }];
  t.match(problemsOf([{ ...aMinimum(), queues }]), [
    /^queues\[0\].credentials.accessKeySecretEnv: the variable it names is empty or not set$/,
  ]);
  const shown = problemsOf([{ ...aMinimum(), queues }], { HOLDER: `${MARK}\n` }).join('\n');
  t.match(shown, /accessKeySecretEnv: the variable it names holds more than one line/);
  t.notMatch(shown, MARK);
  t.end();
});

t.test('secrets that are right can be read, and show nowhere', (t) => {
  const [queue] = aMinimum().queues;
  const sts = { type: 'sts', accessKeyId: 'id', accessKeySecret: `${MARK}-1`, securityToken: `${MARK}-2` };
  const queues = [{ ...queue, credentials: sts }];
  const secretFile = aFile(`${MARK}-3\n`);
  for (const auth of [
    { type: 'user', user: 'u', password: MARK },
    { type: 'token', tokenFile: secretFile },
  ]) {
    const content = { ...aMinimum(), queues, nats: { servers: ['tls://n'], auth } };
    const output = allOutput([content]);
    t.match(output, /\(set\)/);
    t.notMatch(output, MARK);
    const config = loadConfig({ files: [aFile(content)], env: {} });
    t.match(config.queues[0]?.credentials, { accessKeySecret: `${MARK}-1`, securityToken: `${MARK}-2` });
    t.match(config.nats.auth, auth.type === 'user' ? { password: MARK } : { token: `${MARK}-3` });
  }
  t.end();
});
