import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import t from 'tap';

import { projectRoot } from '../../../deploy/local/nats-server.mjs';

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: string;
  Condition?: unknown;
}

const folder = join(projectRoot, 'deploy', 'ram');

/** The permissions for receiving from a queue. */
function receiving(name: string): Readonly<Record<string, readonly string[]>> {
  const queue = `acs:mns:REGION:ACCOUNT:/queues/${name}`;
  return {
    [`${queue}/messages`]: [
      'mns:BatchDeleteMessage',
      'mns:BatchReceiveMessage',
      'mns:ChangeMessageVisibility',
      'mns:DeleteMessage',
      'mns:ReceiveMessage',
    ],
    [queue]: ['mns:GetQueueAttributes'],
  };
}

/** The calls of each role, by resource. VOD knows no resource but `*`. */
const NEEDED: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'relay.json': receiving('QUEUE'),
  'replay.json': receiving('DEAD_LETTER_QUEUE'),
  'follow-up.json': { '*': ['vod:DeleteMultipartUpload', 'vod:GetVideoInfo'] },
};

function statementsOf(file: string): Statement[] {
  const policy = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
    Version: string;
    Statement: Statement[];
  };
  t.equal(policy.Version, '1', `${file} is in the one language of policies that RAM knows`);
  return policy.Statement;
}

t.test('each RAM policy allows exactly what its role needs', (t) => {
  t.same(readdirSync(folder).sort(), Object.keys(NEEDED).sort());
  for (const [file, needed] of Object.entries(NEEDED)) {
    const allowed = statementsOf(file).map(({ Resource, Action }) => [Resource, [Action].flat().sort()]);
    t.equal(new Set(allowed.map(([resource]) => resource)).size, allowed.length, 'one statement a resource');
    t.same(Object.fromEntries(allowed), needed, file);
  }
  t.end();
});

t.test('each RAM policy only allows, no action by a pattern, and over TLS alone', (t) => {
  for (const file of readdirSync(folder)) {
    for (const { Effect, Action, Condition } of statementsOf(file)) {
      t.equal(Effect, 'Allow');
      t.same(
        [Action].flat().filter((action) => !/^[a-z]+:[A-Za-z]+$/.test(action)),
        [],
        file,
      );
      t.same(Condition, { Bool: { 'acs:SecureTransport': 'true' } }, file);
    }
  }
  t.end();
});
