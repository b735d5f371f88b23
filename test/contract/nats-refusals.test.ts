import { connect, nkeyAuthenticator } from 'nats';
import t from 'tap';
import { createUserKey } from '../support/nats-operator.js';
import { startTestbed } from '../support/testbed.js';
import { accepted, config, type RoleName } from './nats-roles.js';

const streams = ['VOD_EVENTS', 'VOD_DEAD_LETTERS', 'VOD_FOLLOW_UPS', 'VOD_PERMITS', 'VOD_REPLAYS'];
const canRead = [
  '$JS.API.CONSUMER.CREATE.VOD_EVENTS',
  '$JS.API.CONSUMER.CREATE.VOD_EVENTS.follow-up.vod.event.>',
  '$JS.API.CONSUMER.MSG.NEXT.VOD_EVENTS.follow-up',
  '$JS.ACK.VOD_EVENTS.follow-up.1.1.1.1.0',
];
const canCall = [
  'vod.permit.1000000000000001.1',
  'vod.permit-refused.1000000000000001',
  'vod.follow-up.deleted.m',
  'vod.dead-letter.follow-up.follow-up-failed.x',
  '$JS.API.CONSUMER.MSG.NEXT.VOD_PERMITS.permits-1000000000000001',
  '$JS.API.STREAM.MSG.DELETE.VOD_PERMITS',
];

t.test('each role is refused what it does not need', async (t) => {
  await using testbed = await startTestbed({ nats: { config } });
  const everyone = {
    publish: [
      ...streams.flatMap((stream) => [
        `$JS.API.STREAM.DELETE.${stream}`,
        `$JS.API.STREAM.PURGE.${stream}`,
        `$JS.API.STREAM.SNAPSHOT.${stream}`,
        `$JS.API.STREAM.RESTORE.${stream}`,
        `$JS.API.CONSUMER.LIST.${stream}`,
        `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.other`,
        `$JS.API.DIRECT.GET.${stream}`,
      ]),
      '$JS.API.STREAM.LIST',
      '$JS.API.STREAM.CREATE.OTHER',
      '$JS.API.STREAM.MSG.DELETE.VOD_EVENTS',
      '$JS.API.STREAM.MSG.DELETE.VOD_FOLLOW_UPS',
      '$JS.API.ACCOUNT.PURGE.VOD',
      '$JS.API.CONSUMER.DELETE.VOD_EVENTS.follow-up',
      '$SYS.REQ.SERVER.PING',
      'other.subject',
      'vod',
    ],
    subscribe: ['>', 'vod.>', 'vod.event.>', '$JS.>', '$JS.ACK.>', '$SYS.>', '_INBOX.>'],
  };
  const refused: Record<RoleName, { publish: string[]; subscribe: string[] }> = {
    relay: {
      publish: [
        ...canRead,
        ...canCall,
        '$JS.API.STREAM.MSG.GET.VOD_FOLLOW_UPS',
        '$JS.API.STREAM.MSG.DELETE.VOD_DEAD_LETTERS',
        'vod.dead-letter.vod-events.not-json.done',
        'vod.replay.a',
      ],
      subscribe: ['vod.permit-refused.*', '_INBOX_thumbnails.>'],
    },
    'follow-up': {
      publish: [
        '$JS.API.CONSUMER.CREATE.VOD_EVENTS',
        '$JS.API.CONSUMER.CREATE.VOD_EVENTS.follow-up.vod.event.>',
        '$JS.API.CONSUMER.CREATE.VOD_EVENTS.other.vod.event.DeleteMediaComplete.>',
        '$JS.API.CONSUMER.MSG.NEXT.VOD_EVENTS.thumbnails',
        '$JS.ACK.VOD_EVENTS.thumbnails.1.1.1.1.0',
        '$JS.API.STREAM.MSG.DELETE.VOD_DEAD_LETTERS',
        'vod.event.DeleteMediaComplete.success.video.all.m',
        'vod.dead-letter.vod-events.not-json',
        'vod.replay.a',
      ],
      subscribe: ['_INBOX_thumbnails.>'],
    },
    worker: {
      publish: [
        '$JS.API.CONSUMER.CREATE.VOD_EVENTS.follow-up.vod.event.>',
        '$JS.API.CONSUMER.MSG.NEXT.VOD_EVENTS.thumbnails',
        '$JS.API.STREAM.MSG.DELETE.VOD_DEAD_LETTERS',
        'vod.replay.a',
      ],
      subscribe: ['_INBOX_thumbnails.>'],
    },
    replay: {
      publish: [
        ...canCall,
        '$JS.API.STREAM.CREATE.VOD_EVENTS',
        '$JS.API.STREAM.UPDATE.VOD_DEAD_LETTERS',
        '$JS.API.STREAM.MSG.GET.VOD_FOLLOW_UPS',
        '$JS.API.CONSUMER.CREATE.VOD_EVENTS.follow-up.vod.event.>',
        '$JS.API.CONSUMER.MSG.NEXT.VOD_EVENTS.follow-up',
        '$JS.API.CONSUMER.DELETE.VOD_EVENTS.thumbnails',
        '$JS.ACK.VOD_EVENTS.follow-up.1.1.1.1.0',
      ],
      subscribe: ['vod.permit-refused.*', '_INBOX_thumbnails.>'],
    },
    consumer: {
      publish: [
        ...canCall,
        ...streams.flatMap((stream) => [`$JS.API.STREAM.INFO.${stream}`, `$JS.API.STREAM.MSG.GET.${stream}`]),
        '$JS.API.STREAM.CREATE.VOD_EVENTS',
        '$JS.API.STREAM.UPDATE.VOD_EVENTS',
        '$JS.API.CONSUMER.CREATE.VOD_EVENTS',
        '$JS.API.CONSUMER.CREATE.VOD_EVENTS.thumbnails.vod.event.>',
        '$JS.API.CONSUMER.CREATE.VOD_EVENTS.follow-up.vod.event.>',
        '$JS.API.CONSUMER.MSG.NEXT.VOD_EVENTS.follow-up',
        '$JS.API.CONSUMER.DELETE.VOD_EVENTS.thumbnails',
        '$JS.ACK.VOD_EVENTS.follow-up.1.1.1.1.0',
        'vod.event.DeleteMediaComplete.success.video.all.m',
        'vod.dead-letter.vod-events.not-json',
      ],
      subscribe: ['_INBOX_vod-relay.>', 'vod.permit-refused.*'],
    },
  };
  for (const [role, own] of Object.entries(refused)) {
    const publish = [...everyone.publish, ...own.publish];
    const subscribe = [...everyone.subscribe, ...own.subscribe];
    t.same(await accepted(testbed, role as RoleName, { publish, subscribe }), [], role);
  }
  const one = { publish: ['other.subject'], subscribe: ['vod.>'] };
  t.same(await accepted(testbed, 'operator', one), ['other.subject', 'vod.>'], 'the look itself can fail');
});

t.test('nobody gets in without a key of the accounts', async (t) => {
  await using testbed = await startTestbed({ nats: { config } });
  const stranger = nkeyAuthenticator(createUserKey().getSeed());
  for (const authenticator of [stranger, []]) {
    await t.rejects(connect({ servers: testbed.nats.url, authenticator }), {
      code: 'AUTHORIZATION_VIOLATION',
    });
  }
});
