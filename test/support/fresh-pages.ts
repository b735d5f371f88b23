import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '../../deploy/local/nats-server.mjs';
import { configTable } from '../../src/config/schema/table.js';
import { deadLetterCodes } from '../../src/event/dead-letter-code.js';
import { followUpOutcomes } from '../../src/event/follow-up.js';
import { planTable } from '../../src/follow-up/plan-table.js';
import { logLinesTables } from '../../src/operate/log-lines/table.js';
import { metricsTable } from '../../src/operate/metric-table.js';
import { messageOutcomes } from '../../src/operate/outcomes.js';
import { pages, readPage } from './pages.js';
import { subjectTable } from './subject-table.js';

/**
 * The pages that are generated, whole or in part, as they have to be. Asks `dist/` for the help of its
 * commands.
 */
export function freshPages(): Map<string, string> {
  return new Map([
    ['docs/reference/config.md', page('Configuration', configIntroduction, configTable())],
    ['docs/reference/metrics.md', page('Metrics', metricsIntroduction, metricsTable())],
    ['docs/reference/codes.md', codesPage()],
    ['docs/reference/cli.md', commandLinePage()],
    ['docs/reference/log-lines.md', page('Log lines', logIntroduction, logLinesTables())],
    ['docs/decisions/README.md', filled('docs/decisions/README.md', { decisions: decisionList() })],
    [
      'docs/follow-up.md',
      filled('docs/follow-up.md', {
        'follow-up-plan': planTable(),
        'follow-up-outcomes': meaningTable('Outcome', followUpOutcomes),
      }),
    ],
    ['ARCHITECTURE.md', filled('ARCHITECTURE.md', { outcomes: outcomeTable(), subjects: subjectTable() })],
  ]);
}

const configIntroduction =
  'Every key of the configuration, with its default and its environment variable. Weakest first: these defaults, the\n' +
  '`--config` files in their order, environment variables. See [Operate](../operate.md#configure).';

const metricsIntroduction =
  'Every metric of `/metrics` besides the usual ones of the process. See [Operate](../operate.md#metrics) for the query that\n' +
  'shows a lost message.';

const logIntroduction =
  'Every line that the log can hold, as JSON with `level`, `time`, `message` and the fields below; fields that do not apply are\n' +
  'absent. Messages are stable: alerts may look for them. `advice` in a line is the next step; where the occurrence knows\n' +
  'a better one than the table, the line has that. `count` says how many occurrences a line stands for. See\n' +
  '[Operate](../operate.md#log).';

function codesPage(): string {
  const part = (title: string, text: string, table: string): string => `## ${title}\n\n${text}\n\n${table}`;
  return page(
    'Codes',
    'What dead letters, messages and follow-ups are labelled with.',
    [
      part(
        'Dead-letter codes',
        'In the header `Dead-Letter-Code`, the subject, and the label `code`. See [Dead letters](../dead-letters.md).',
        meaningTable('Code', deadLetterCodes),
      ),
      part(
        'Outcomes of messages',
        'In the label `outcome` of `vod_relay_messages_settled_total`. Each message has exactly one.',
        outcomeTable(),
      ),
      part(
        'Outcomes of follow-ups',
        'In the type and the subject of their events. See [Follow-up](../follow-up.md).',
        meaningTable('Outcome', followUpOutcomes),
      ),
    ].join('\n'),
  );
}

function commandLinePage(): string {
  const sections: string[] = [];
  const describe = (words: readonly string[]): void => {
    const help = helpOf(words);
    sections.push(`## ${['vod-relay', ...words].join(' ')}\n\n\`\`\`text\n${help}\`\`\`\n`);
    const [, list = ''] = /^Commands:\n((?: {2}.*\n?)*)/m.exec(help) ?? [];
    for (const [, name = ''] of list.matchAll(/^ {2}([a-z]\S*)/gm))
      if (name !== 'help') describe([...words, name]);
  };
  describe([]);
  return page('Command line', 'Every command as `--help` shows it.', sections.join('\n'));
}

function helpOf(words: readonly string[]): string {
  const main = join(projectRoot, 'dist', 'main.js');
  const { stdout, stderr, status } = spawnSync(process.execPath, [main, ...words, '--help'], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], NO_COLOR: '1' },
  });
  if (status !== 0) throw new Error(`${words.join(' ')} --help: ${stderr}`);
  return stdout;
}

function decisionList(): string {
  const found = pages.filter((path) => /^docs\/decisions\/\d/.test(path));
  const rows = found.map((path) => {
    const [, title = '', date = ''] = /^# \d+ (.+)\n\nDate: (\S+)\n/.exec(readPage(path)) ?? [];
    const name = path.replace('docs/decisions/', '');
    return `| [${name.slice(0, 4)}](${name}) | ${title} | ${date} |`;
  });
  return ['| Number | Decision | Date |', '|---|---|---|', ...rows, ''].join('\n');
}

function outcomeTable(): string {
  const rows = Object.entries(messageOutcomes).map(
    ([name, { meaning, queue }]) => `| \`${name}\` | ${meaning} | ${queue} |`,
  );
  return ['| Outcome | Meaning | In the queue |', '|---|---|---|', ...rows, ''].join('\n');
}

function meaningTable(heading: string, meanings: Readonly<Record<string, string>>): string {
  const rows = Object.entries(meanings).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`);
  return [`| ${heading} | Meaning |`, '|---|---|', ...rows, ''].join('\n');
}

function page(title: string, introduction: string, content: string): string {
  return `# ${title}\n\n<!-- Generated by npm run docs -->\n\n${introduction}\n\n${content}`;
}

/** A page with the generated parts between their marks. */
function filled(path: string, parts: Readonly<Record<string, string>>): string {
  return Object.entries(parts).reduce((text, [mark, content]) => {
    const [before, rest] = text.split(`<!-- ${mark} -->\n`);
    const after = rest?.split(`<!-- /${mark} -->`)[1];
    if (after === undefined) throw new Error(`${path} has no marks for ${mark}`);
    return `${before ?? ''}<!-- ${mark} -->\n\n${content}\n<!-- /${mark} -->${after}`;
  }, readPage(path));
}
