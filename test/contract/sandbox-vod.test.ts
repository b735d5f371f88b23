import t from 'tap';
import { sandboxCommand } from '../../src/commands/sandbox.js';
import { SandboxControl } from '../../src/sandbox/control/control.js';
import { startMs } from './open-sandbox-mns.js';
import { openSandboxVod, refusedByVod } from './open-sandbox-vod.js';
import { until } from '../support/until.js';

const time = '2026-09-25T01:27:49Z';

t.test('DeleteMultipartUpload deletes the parts of a media that exists, once', async (t) => {
  const { sandbox, deleteParts, v3 } = await openSandboxVod(t);
  sandbox.actions.seedMedia([{ mediaId: 'm1', status: 'Uploading', parts: 3 }, { mediaId: 'm2' }]);
  t.match(sandbox.actions.vodState(), { media: 2, partsLeft: 3, orphansLeft: 1 });
  const first = await deleteParts('m1');
  t.equal(first.status, 200);
  t.same(Object.keys(first.json), ['RequestId']);
  t.match(first.json['RequestId'], /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/);
  t.equal(sandbox.actions.media('m1')?.parts, 0);
  refusedByVod(t, await deleteParts('m1'), 400, 'InvalidMultipartUpload.NotFound');
  refusedByVod(t, await deleteParts('m2'), 400, 'InvalidMultipartUpload.NotFound');
  refusedByVod(t, await deleteParts('m3'), 400, 'InvalidVideo.NotFound');
  const image = { MediaId: 'm1', MediaType: 'image' };
  refusedByVod(t, await v3('DeleteMultipartUpload', image), 400, 'InvalidParameter');
  refusedByVod(t, await v3('DeleteMultipartUpload', { MediaType: 'video' }), 400, 'MissingParameter');
  t.match(sandbox.actions.vodState(), {
    media: 2,
    partsLeft: 0,
    orphansLeft: 0,
    liveUploadsAborted: 0,
    calls: {
      DeleteMultipartUpload: {
        ok: 1,
        'InvalidMultipartUpload.NotFound': 2,
        'InvalidVideo.NotFound': 1,
        InvalidParameter: 1,
        MissingParameter: 1,
      },
    },
  });
  const [call] = sandbox.actions.vodCalls('m1');
  t.same(call, {
    operation: 'DeleteMultipartUpload',
    mediaId: 'm1',
    atMs: startMs,
    result: 'ok',
    requestId: first.json['RequestId'],
    effect: true,
  });
  t.same(
    sandbox.actions.vodCalls().map(({ mediaId, effect }) => [mediaId, effect]),
    [
      ['m1', true],
      ['m1', false],
      ['m2', false],
      ['m3', false],
      ['m1', false],
      ['', false],
    ],
  );
});

t.test('an upload in progress is not spared, and the sandbox tells', async (t) => {
  const { sandbox, deleteParts } = await openSandboxVod(t);
  const { actions } = sandbox;
  actions.seedMedia([
    { mediaId: 'live', parts: 2, uploading: true },
    { mediaId: 'begun', uploading: true },
    { mediaId: 'ended', parts: 4, uploading: true },
  ]);
  actions.setUpload('ended', { uploading: false, modifiedMs: startMs - 5000 });
  t.match(actions.media('ended'), { parts: 4, uploading: false, modifiedMs: startMs - 5000 });
  t.match(actions.vodState(), { partsLeft: 6, orphansLeft: 1 });
  for (const mediaId of ['live', 'begun', 'ended']) {
    t.equal((await deleteParts(mediaId)).status, 200);
    t.match(actions.media(mediaId), { parts: 0, uploading: false });
  }
  t.equal(actions.vodState().liveUploadsAborted, 2);
});

t.test('GetVideoInfo tells the status of a media and when it was modified', async (t) => {
  const { sandbox, v3 } = await openSandboxVod(t);
  sandbox.actions.seedMedia([
    { mediaId: 'm1', status: 'Uploading', createdMs: 999, modifiedMs: startMs + 999 },
    { mediaId: 'm2', createdMs: 1000 },
    { mediaId: 'm3' },
  ]);
  const { status, json } = await v3('GetVideoInfo', { VideoId: 'm1' });
  t.equal(status, 200);
  t.match(json, {
    RequestId: String,
    Video: {
      VideoId: 'm1',
      Status: 'Uploading',
      CreationTime: '1970-01-01T00:00:00Z',
      ModificationTime: time,
    },
  });
  const defaults = [
    { VideoId: 'm2', CreationTime: '1970-01-01T00:00:01Z', ModificationTime: '1970-01-01T00:00:01Z' },
    { VideoId: 'm3', CreationTime: time, ModificationTime: time },
  ];
  for (const expected of defaults) {
    const { VideoId } = expected;
    t.match((await v3('GetVideoInfo', { VideoId })).json, { Video: { ...expected, Status: 'Normal' } });
  }
  const gone = await v3('GetVideoInfo', { VideoId: 'm4' });
  refusedByVod(t, gone, 404, 'InvalidVideo.NotFound');
  t.same(Object.keys(gone.json), ['RequestId', 'HostId', 'Code', 'Message', 'Recommend']);
  refusedByVod(t, await v3('GetVideoInfo', {}), 400, 'MissingParameter');
});

t.test('DeleteVideo removes media and parts, and each id becomes an event', async (t) => {
  const { sandbox, v3, events } = await openSandboxVod(t);
  sandbox.actions.seedMedia([
    { mediaId: 'gone', parts: 5 },
    { mediaId: 'stays', parts: 6, deleteFails: 'DeleteVideoFailed' },
    { mediaId: 'foreign', deleteFails: 'Forbidden.RAM' },
  ]);
  const { status, json } = await v3('DeleteVideo', { VideoIds: 'gone,stays,none,foreign,none' });
  t.equal(status, 200);
  t.same(
    { ...json, RequestId: '' },
    { RequestId: '', ForbiddenVideoIds: ['foreign'], NonExistVideoIds: ['none'] },
  );
  t.equal(sandbox.actions.media('gone'), undefined);
  t.equal(sandbox.actions.media('stays')?.parts, 6);
  const head = `{"EventType":"DeleteMediaComplete","EventTime":"${time}"`;
  const rest = (id: string) => `"MediaType":"video","DeleteType":"all","MediaId":"${id}"`;
  t.same(events().sort(), [
    `${head},"Status":"fail",${rest('foreign')},"ErrorCode":"Forbidden.RAM","ErrorMessage":"The request was refused."}`,
    `${head},"Status":"fail",${rest('none')},"ErrorCode":"InvalidVideo.NotFound","ErrorMessage":"The video does not exist."}`,
    `${head},"Status":"fail",${rest('stays')},"ErrorCode":"DeleteVideoFailed","ErrorMessage":"The request was refused."}`,
    `${head},"Status":"success",${rest('gone')}}`,
  ]);
  t.match(sandbox.actions.vodState(), { media: 2, partsLeft: 6, events: { sent: 4, dropped: 0 } });
  const tooMany = Array.from({ length: 21 }, (_, index) => `id${index}`);
  const twenty = await v3('DeleteVideo', { VideoIds: tooMany.slice(1).join() });
  t.equal(twenty.status, 200);
  refusedByVod(t, await v3('DeleteVideo', { VideoIds: tooMany.join() }), 400, 'VideoIdsExceededMax');
  refusedByVod(t, await v3('DeleteVideo', {}), 400, 'MissingParameter');
  t.equal(sandbox.actions.vodState().events.sent, 24);
});

t.test('an event is tried three times a second apart, then dropped', async (t) => {
  const { sandbox, v3, clock, events } = await openSandboxVod(t, { queues: [] });
  await v3('DeleteVideo', { VideoIds: 'm1' });
  clock.advance(1999);
  t.same(sandbox.actions.vodState().events, { sent: 0, dropped: 0 });
  clock.advance(1);
  t.same(sandbox.actions.vodState().events, { sent: 0, dropped: 1 });
  await v3('DeleteVideo', { VideoIds: 'm2' });
  sandbox.actions.createQueue({ name: 'events' });
  clock.advance(1000);
  t.same(sandbox.actions.vodState().events, { sent: 1, dropped: 1 });
  t.match(events(), [`"EventTime":"2026-09-25T01:27:51Z"`], 'the time of the deletion');
  const quiet = await openSandboxVod(t, { vodEventQueue: undefined } as never);
  await quiet.v3('DeleteVideo', { VideoIds: 'm1' });
  quiet.clock.advance(3000);
  t.same(quiet.sandbox.actions.vodState().events, { sent: 0, dropped: 0 }, 'none without a queue');
});

t.test('no second lets more calls in than the quota', async (t) => {
  const { sandbox, v3, deleteParts, clock } = await openSandboxVod(t);
  const { actions } = sandbox;
  actions.seedMedia([{ mediaId: 'm1', parts: 1 }]);
  const codes = async (calls: number) => {
    const answers: unknown[] = [];
    for (let call = 0; call < calls; call += 1) answers.push((await deleteParts('m0')).json['Code']);
    return answers;
  };
  const letIn = (calls: number): string[] => Array<string>(calls).fill('InvalidVideo.NotFound');
  t.same(await codes(4), letIn(4));
  clock.advance(600);
  t.same(await codes(6), letIn(6));
  const refused = await deleteParts('m1');
  refusedByVod(t, refused, 400, 'Throttling.User');
  t.equal(refused.json['Message'], 'Request was denied due to user flow throttling.');
  t.equal(actions.media('m1')?.parts, 1, 'without effect');
  clock.advance(399);
  t.same(await codes(1), ['Throttling.User'], 'the first ones are not a second old');
  clock.advance(1);
  t.same(await codes(5), [...letIn(4), 'Throttling.User'], 'a refused call takes no place');
  t.equal((await v3('GetVideoInfo', { VideoId: 'm1' })).status, 200, 'each operation has its own');
  actions.setVodQuotas({ DeleteMultipartUpload: 12, GetVideoInfo: 1 });
  t.same(await codes(3), [...letIn(2), 'Throttling.User']);
  refusedByVod(t, await v3('GetVideoInfo', { VideoId: 'm1' }), 400, 'Throttling.User');
  t.same(actions.vodState().refused, { DeleteVideo: 0, GetVideoInfo: 1, DeleteMultipartUpload: 4 });
  t.equal(actions.vodState().calls['DeleteMultipartUpload']?.['Throttling.User'], 4);
  t.throws(
    () => {
      actions.setVodQuotas({ Other: 1 } as never);
    },
    { message: 'VOD has no operation Other here' },
  );
  t.throws(() => {
    actions.setVodQuotas({ DeleteVideo: -1 });
  });
});

t.test('the documented quotas are 30, 100 and 10 calls a second', async (t) => {
  const { v3, sandbox } = await openSandboxVod(t);
  const rows = [
    ['DeleteVideo', { VideoIds: 'm1' }, 30],
    ['GetVideoInfo', { VideoId: 'm1' }, 100],
    ['DeleteMultipartUpload', { MediaId: 'm1', MediaType: 'video' }, 10],
  ] as const;
  for (const [action, parameters, quota] of rows) {
    for (let call = 0; call < quota; call += 1) await v3(action, parameters);
    t.equal(sandbox.actions.vodState().refused[action], 0);
    refusedByVod(t, await v3(action, parameters), 400, 'Throttling.User');
  }
});

t.test('the control endpoint does for VOD over HTTP what the actions do in process', async (t) => {
  const { sandbox, deleteParts, v3 } = await openSandboxVod(t);
  const control = new SandboxControl(sandbox.url);
  const mediaId = 'a/b ü';
  await control.seedMedia([{ mediaId, parts: 2, uploading: true, deleteFails: 'InternalError' }]);
  t.same(await control.media(mediaId), {
    mediaId,
    status: 'Normal',
    createdMs: startMs,
    modifiedMs: startMs,
    parts: 2,
    uploading: true,
    deleteFails: 'InternalError',
  });
  t.equal(await control.media('none'), undefined);
  await control.setUpload(mediaId, { uploading: false, modifiedMs: 5, parts: 1 });
  t.match(await control.media(mediaId), { parts: 1, uploading: false, modifiedMs: 5 });
  await t.rejects(control.setUpload('none', {}), { message: 'Sandbox: There is no media none' });
  await t.rejects(control.seedMedia([{} as never]), { message: 'Sandbox: A media needs an id' });
  t.equal((await deleteParts(mediaId)).status, 200);
  await deleteParts('other');
  t.match(await control.vodState(), { media: 1, calls: { DeleteMultipartUpload: { ok: 1 } } });
  t.equal((await control.vodCalls()).length, 2);
  t.match(await control.vodCalls(mediaId), [{ mediaId, result: 'ok', effect: true }]);
  await control.setVodQuotas({ GetVideoInfo: 0 });
  refusedByVod(t, await v3('GetVideoInfo', { VideoId: mediaId }), 400, 'Throttling.User');
  await control.reset();
  t.same(await control.vodState(), {
    media: 0,
    partsLeft: 0,
    orphansLeft: 0,
    liveUploadsAborted: 0,
    calls: {},
    refused: { DeleteVideo: 0, GetVideoInfo: 0, DeleteMultipartUpload: 0 },
    events: { sent: 0, dropped: 0 },
  });
  t.same(await control.vodCalls(), []);
  refusedByVod(t, await v3('GetVideoInfo', { VideoId: mediaId }), 404, 'InvalidVideo.NotFound');
});

t.test('the oldest calls are forgotten beyond a limit', async (t) => {
  const { sandbox, deleteParts } = await openSandboxVod(t, { historyLimit: 2 });
  for (const mediaId of ['m1', 'm2', 'm3']) await deleteParts(mediaId);
  t.same(
    sandbox.actions.vodCalls().map(({ mediaId }) => mediaId),
    ['m2', 'm3'],
  );
});

t.test('the command makes VOD write into a queue and prints what to type', async (t) => {
  const written: string[] = [];
  const command = sandboxCommand().configureOutput({ writeOut: (line) => written.push(line) });
  const running = command.parseAsync(['--queue', 'a', '--vod-event-queue', 'b'], { from: 'user' });
  await until(() => written.length, { what: 'the sandbox tells where it is', everyMs: 1 });
  const text = written.join('');
  t.match(text, /queues {2}a, b; VOD writes its events into b/);
  const url = /at (http:\S+)/.exec(text)?.[1] ?? '';
  t.same(Object.keys((await new SandboxControl(url).state()).queues), ['a', 'b']);
  const examples = [...text.matchAll(/^(?:Media|VOD fault): +curl -s (-X PUT )?(\S+) -d '(.*)'$/gm)];
  t.equal(examples.length, 2);
  for (const [, put, target = '', body = ''] of examples) {
    t.equal((await fetch(target, { method: put === undefined ? 'POST' : 'PUT', body })).status, 200, target);
  }
  t.equal((await new SandboxControl(url).vodState()).partsLeft, 3);
  process.emit('SIGTERM');
  await running;
});
