import { readCredentials, withInjected } from './credentials.js';
import { environmentLayer, FILES_VARIABLE, unknownVariables, type Environment } from './environment.js';
import { readConfigFile } from './files.js';
import { isSection, layerOf, type Layer, type Report } from './layer.js';
import { readNatsAuth } from './nats-auth.js';
import { queueSchema } from '../schema/queue.js';
import { dividedVodProblems, queueRuleProblems, repeatedQueueProblems, rootRuleProblems } from '../rules.js';
import { rootSchema } from '../schema/root.js';
import { readSection, type Section } from './section.js';
import { readTraces, type TracesSource } from './traces.js';
import type { Union } from './union.js';

export interface QueueSource {
  readonly section: Section<typeof queueSchema>;
  /** Its own, else the common ones. */
  readonly credentials: Union;
  readonly hasOwnCredentials: boolean;
}

/** Everything that was configured, with where it came from and everything that is wrong with it. */
export interface Sources {
  readonly root: Section<typeof rootSchema>;
  readonly queues: readonly QueueSource[];
  readonly natsAuth: Union;
  readonly traces: TracesSource;
  readonly problems: readonly string[];
}

/**
 * Reads the files (weakest first; those of VOD_RELAY_CONFIG when there are none) and the environment. Never
 * throws.
 */
export function readSources(files: readonly string[], env: Environment): Sources {
  const problems: string[] = [];
  const layers = [
    ...fileLayers(files.length > 0 ? files : listedFiles(env), problems),
    environmentLayer(rootSchema, env),
  ];
  const root = readSection(rootSchema, withInjected(layers, env));
  const credentials = readCredentials(root, env);
  const natsAuth = readNatsAuth(root, env);
  const traces = readTraces(env);
  problems.push(...root.problems, ...credentials.problems, ...natsAuth.problems, ...rootRuleProblems(root));
  problems.push(...traces.problems);

  const elements = root.invalid.has('queues') ? [] : root.values.queues;
  const source = root.settings.get('queues')?.source ?? '';
  const queues = elements.map((element, index) =>
    readQueue(element, { at: `queues[${index}].`, source, env, common: credentials }, problems),
  );
  const sections = queues.map(({ section }) => section);
  problems.push(...repeatedQueueProblems(sections), ...dividedVodProblems(sections));
  problems.push(...missingCommonCredentials(root, queues));
  problems.push(...unknownVariables(rootSchema, env, referredVariables(queues)));
  return { root, queues, natsAuth, traces, problems };
}

function fileLayers(files: readonly string[], problems: string[]): Layer[] {
  return files.map((file) => {
    const tree = readConfigFile(file, (problem) => problems.push(problem));
    return layerOf(rootSchema, tree, file, reporter('', file, problems));
  });
}

function listedFiles(env: Environment): string[] {
  const list = env[FILES_VARIABLE] ?? '';
  return list
    .split(',')
    .map((file) => file.trim())
    .filter((file) => file !== '');
}

interface QueueContext {
  at: string;
  source: string;
  env: Environment;
  common: Union;
}

function readQueue(
  element: unknown,
  { at, source, env, common }: QueueContext,
  problems: string[],
): QueueSource {
  const layer = layerOf(queueSchema, element, source, reporter(at, source, problems));
  const section = readSection(queueSchema, withInjected([layer], env), at);
  const own = readCredentials(section, env);
  const ownCredentials = isSection(element) && 'credentials' in element ? element.credentials : null;
  // Of an element that is no queue at all, one problem is enough.
  if (element === null || isSection(element)) {
    problems.push(...section.problems, ...own.problems, ...queueRuleProblems(section));
  }
  if (isSection(ownCredentials) && !layer.has('credentials.type')) {
    problems.push(`${at}credentials.type: is required: ${queueSchema.credentials.type.expected}`);
  }
  const hasOwnCredentials = ownCredentials !== null;
  return { section, hasOwnCredentials, credentials: hasOwnCredentials ? own : common };
}

/**
 * The common credentials need a type when a queue depends on them, or when any other of their keys is set.
 */
function missingCommonCredentials(
  root: Section<typeof rootSchema>,
  queues: readonly QueueSource[],
): string[] {
  if (root.values.credentials.type !== null || root.invalid.has('credentials.type')) return [];
  const dependent = queues.find(({ hasOwnCredentials }) => !hasOwnCredentials);
  const isStarted = [...root.settings.keys()].some((key) => key.startsWith('credentials.'));
  if (dependent === undefined && !isStarted) return [];
  const reason =
    dependent === undefined ? '' : `, since ${dependent.section.at.slice(0, -1)} has none of its own`;
  return [`credentials.type: is required: ${rootSchema.credentials.type.expected}${reason}`];
}

function referredVariables(queues: readonly QueueSource[]): Set<string> {
  return new Set(
    queues.flatMap(({ section: { values } }) =>
      [values.credentials.accessKeySecretEnv, values.credentials.securityTokenEnv].filter(
        (name) => name !== null,
      ),
    ),
  );
}

function reporter(at: string, source: string, problems: string[]): Report {
  return (key, problem) => {
    const name = key === '' ? at.replace(/\.$/, '') : `${at}${key}`;
    problems.push(name === '' ? `${source}: ${problem}` : `${name}: ${problem} (${source})`);
  };
}
