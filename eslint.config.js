/**
 * Two parts: typescript-eslint's strictest type-checked rules, with a reason beside each one that is off, and
 * the layers of ARCHITECTURE.md as import rules. test/structure.test.ts shows each of them failing: a rule
 * that was never seen to fail is a wish.
 */
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/**
 * What each part of src may import of ours, besides itself. Everything may import event/ and time.ts, except
 * those two.
 */
const mayImport = {
  time: [],
  event: [],
  network: ['time'],
  config: ['network', 'event', 'time'],
  aliyun: ['network', 'time'],
  receive: ['network', 'aliyun', 'event', 'time'],
  decode: ['event', 'time'],
  nats: ['network', 'event', 'time'],
  'follow-up': ['network', 'nats', 'event', 'time'],
  sandbox: ['event', 'time'],
  relay: ['receive', 'decode', 'nats', 'event', 'time'],
  replay: ['receive', 'decode', 'nats', 'event', 'time'],
  operate: ['event', 'time'],
  doctor: ['aliyun', 'receive', 'nats', 'follow-up', 'event', 'time'],
  worker: ['config', 'aliyun', 'receive', 'decode', 'nats', 'relay', 'follow-up', 'operate', 'event', 'time'],
  // Builds everything, starts a nats-server, and reads the streams as a subscriber does.
  demo: ['config', 'sandbox', 'nats', 'follow-up', 'event', 'time'],
  commands: [
    'config',
    'aliyun',
    'receive',
    'decode',
    'nats',
    'relay',
    'follow-up',
    'replay',
    'operate',
    'sandbox',
    'doctor',
    'worker',
    'demo',
    'event',
    'time',
  ],
  main: ['network', 'config', 'operate', 'commands', 'time'],
};

/** Parts whose types, and nothing that runs, may be imported as well. */
const mayImportTypes = {
  operate: ['config', 'relay'],
  doctor: ['config'],
};

const singleFiles = ['time', 'main'];

/**
 * The one owner of each library, and of each door to the system, so that replacing it stays a small change.
 */
const owners = {
  '@alicloud/mns': ['receive'],
  '@alicloud/credentials': ['aliyun'],
  undici: ['network', 'receive', 'follow-up'],
  nats: ['nats', 'demo'],
  convict: ['config'],
  yaml: ['config'],
  pino: ['operate'],
  'prom-client': ['operate'],
  '@opentelemetry': ['operate'],
  saxes: ['receive', 'decode', 'sandbox'],
  cloudevents: ['event'],
  commander: ['commands', 'replay-command', 'main'],
  'cli-progress': ['demo', 'replay-command'],
  'node:child_process': ['demo'],
  'node:process': ['config', 'main'],
  'node:timers': ['time'],
  'node:perf_hooks': ['time'],
};

export default defineConfig(
  globalIgnores(['dist/', '.cache/', '.tap/', 'coverage/']),
  {
    files: ['src/**/*.ts', 'test/**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: false, requireDefaultForNonUnion: true },
      ],
      // A number prints the same everywhere; the types the rule is about, objects and undefined, stay
      // forbidden.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Off: it takes a second look at `signal.aborted` for useless, and obeying it breaks the stop.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { varsIgnorePattern: '^_', argsIgnorePattern: '^_' }],
      'no-restricted-syntax': ['error', ...exportRules()],
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...exportRules(), ...dynamicImportRules(), ...clockRules()],
      'no-restricted-globals': ['error', ...clockGlobals()],
      'no-restricted-properties': ['error', ...clockProperties(), ...environmentProperties()],
    },
  },
  ...Object.keys(mayImport).map((part) => ({
    files: singleFiles.includes(part) ? [`src/${part}.ts`] : [`src/${part}/**`],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', importRules(part, part)] },
  })),
  {
    // The replay draws a bar.
    files: ['src/commands/replay/**'],
    rules: {
      '@typescript-eslint/no-restricted-imports': ['error', importRules('commands', 'replay-command')],
    },
  },
  {
    // The clock itself.
    files: ['src/time.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...exportRules(), ...dynamicImportRules()],
      'no-restricted-globals': 'off',
      'no-restricted-properties': ['error', ...environmentProperties()],
    },
  },
  {
    // The two places that read the environment.
    files: ['src/config/**', 'src/main.ts'],
    rules: { 'no-restricted-properties': ['error', ...clockProperties()] },
  },
  {
    // A command loads what only it needs when it runs.
    files: ['src/commands/**', 'src/main.ts'],
    rules: { 'no-restricted-syntax': ['error', ...exportRules(), ...clockRules()] },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // Off: tap ends a test when its promise settles, so a test without an await is async as well.
      '@typescript-eslint/require-await': 'off',
      // tap queues a subtest and reports its failure itself; awaiting its promise only serves order.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafePromises: [
            { from: 'package', name: 'PromiseWithSubtest', package: '@tapjs/core' },
          ],
        },
      ],
    },
  },
  {
    files: ['test/**/*.test.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        { name: 'setTimeout', message: 'No fixed sleeps: wait for a condition with test/support/until.ts.' },
      ],
    },
  },
  {
    // Tests whose parts run on the system's clock: a moment that is written down is soon too old for them.
    files: ['test/integration/**/*.ts', 'test/chaos/**/*.ts', 'test/support/**/*.ts'],
    rules: { 'no-restricted-syntax': ['error', ...exportRules(), ...momentRules()] },
  },
  {
    // Describes a package that has no types of its own, as it is.
    files: ['**/*.d.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: ['src/**/index.ts', 'test/**/index.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: 'Program', message: 'No index.ts: import the file itself.' },
      ],
    },
  },
  {
    // Scripts that run before anything is built: plain JavaScript, without types to check.
    files: ['**/*.js', '**/*.mjs'],
    extends: [tseslint.configs.recommended],
  },
);

/** `owner` differs from `part` for commands that own a library of their own. */
function importRules(part, owner) {
  const parts = Object.keys(mayImport).filter((name) => name !== part && !mayImport[part].includes(name));
  const typesToo = mayImportTypes[part] ?? [];
  const libraries = Object.keys(owners).filter((library) => !owners[library].includes(owner));
  const message = `src/${part} may not import this: see the layers in ARCHITECTURE.md.`;
  return {
    patterns: [
      { regex: partRegex(parts.filter((name) => !typesToo.includes(name))), message },
      { regex: partRegex(typesToo), message, allowTypeImports: true },
      {
        regex: `^(${libraries.map((library) => library.replace(/^node:/, '(node:)?')).join('|')})(/|$)`,
        message: `Not in src/${part}: this library belongs to another folder, see eslint.config.js.`,
      },
    ].filter(({ regex }) => regex !== undefined),
  };
}

/** Matches a relative import of one of these parts, from any depth. */
function partRegex(parts) {
  if (parts.length === 0) return undefined;
  const names = parts.map((name) => (singleFiles.includes(name) ? `${name}\\.js$` : `${name}/`));
  return `^(\\.\\.?/)+(${names.join('|')})`;
}

function exportRules() {
  const message = 'Named exports only.';
  return [
    { selector: 'ExportDefaultDeclaration', message },
    { selector: 'ExportSpecifier[exported.name="default"]', message },
  ];
}

function dynamicImportRules() {
  return [{ selector: 'ImportExpression', message: 'Only commands load code at run time.' }];
}

function clockRules() {
  return [
    {
      selector: 'NewExpression[callee.name="Date"][arguments.length=0]',
      message: 'Take a Clock (src/time.ts), so that a test can own time.',
    },
    {
      selector: 'CallExpression[callee.name="Date"]',
      message: 'Take a Clock (src/time.ts), so that a test can own time.',
    },
  ];
}

function momentRules() {
  const message = 'Count from Date.now(): what is written down grows old, or is still to come.';
  return [
    { selector: 'CallExpression[callee.object.name="Date"][callee.property.name="UTC"]', message },
    {
      selector: 'CallExpression[callee.object.name="Date"][callee.property.name="parse"] > Literal',
      message,
    },
    { selector: 'NewExpression[callee.name="Date"] > Literal', message },
    { selector: 'Property[key.name=/Ms$/] > Literal[value>=1000000000000]', message },
    { selector: 'VariableDeclarator[id.name=/Ms$/] > Literal[value>=1000000000000]', message },
  ];
}

function clockGlobals() {
  return ['setTimeout', 'setInterval', 'performance'].map((name) => ({
    name,
    message: 'Take a Clock (src/time.ts), so that a test can own time.',
  }));
}

function clockProperties() {
  return [
    ['Date', 'now'],
    ['AbortSignal', 'timeout'],
    ['process', 'hrtime'],
    ['globalThis', 'setTimeout'],
    ['globalThis', 'setInterval'],
    ['globalThis', 'performance'],
  ].map(([object, property]) => ({
    object,
    property,
    message: 'Take a Clock (src/time.ts), so that a test can own time.',
  }));
}

function environmentProperties() {
  return [
    {
      object: 'process',
      property: 'env',
      message: 'Settings come from src/config, which alone reads the environment.',
    },
  ];
}
