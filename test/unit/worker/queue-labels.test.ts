import t from 'tap';
import { loadConfig } from '../../../src/config/load.js';
import { queueLabels } from '../../../src/worker/queue-labels.js';

t.test('a queue is called by its name, and by its region and account where that is not enough', async (t) => {
  const queue = (name: string, region: string, account: string, mode = 'live'): object => ({
    name,
    endpoint: `https://${account}.mns.${region}.aliyuncs.com`,
    vod: { region, account },
    mode,
  });
  const queues = [
    queue('events', 'cn-shanghai', '1'),
    queue('events', 'cn-shanghai', '2'),
    queue('events', 'cn-beijing', '1'),
    queue('others', 'cn-shanghai', '1'),
    queue('others', 'cn-shanghai', '2', 'replay'),
  ];
  const config = { queues, credentials: { type: 'ecs_ram_role' }, nats: { servers: ['tls://nats'] } };
  const folder = t.testdir({ 'config.json': JSON.stringify(config) });
  const loaded = loadConfig({ files: [`${folder}/config.json`], env: {}, requireLive: true });
  t.same(
    [...queueLabels(loaded.queues).values()],
    ['cn-shanghai:1/events', 'cn-shanghai:2/events', 'cn-beijing:1/events', 'others'],
  );
});
