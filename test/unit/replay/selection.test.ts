import t from 'tap';
import type { DeleteMediaComplete } from '../../../src/event/delete-media-complete.js';
import type { ForeignEvent } from '../../../src/event/vod-event.js';
import {
  filtersEvents,
  selects,
  type Selection,
  type SelectionFacts,
} from '../../../src/replay/selection.js';

const deletion: DeleteMediaComplete = {
  kind: 'delete-media-complete',
  eventTime: '2026-03-20T07:49:17Z',
  status: 'fail',
  mediaType: 'video',
  deleteType: 'all',
  mediaId: 'media-1',
  jobIds: [],
  extra: {},
};
const foreign: ForeignEvent = {
  kind: 'foreign',
  eventType: 'TranscodeComplete',
  mediaId: 'media-2',
  json: '{}',
};

t.test('selects what matches every filter that is set', (t) => {
  const facts = { timeMs: 1_000, queue: 'q', code: 'not-json' };
  const rows: [what: string, selection: Selection, facts: SelectionFacts, wanted: boolean][] = [
    ['nothing set', {}, { timeMs: 0 }, true],
    ['the time it begins with', { sinceMs: 1_000 }, facts, true],
    ['a time before', { sinceMs: 1_001 }, facts, false],
    ['the time it ends with', { untilMs: 1_000 }, facts, false],
    ['a time before the end', { untilMs: 1_001 }, facts, true],
    ['a time within', { sinceMs: 999, untilMs: 1_001 }, facts, true],
    ['a time that is not known', { sinceMs: 0 }, { timeMs: NaN }, false],
    ['the queue', { queue: 'q' }, facts, true],
    ['another queue', { queue: 'q2' }, facts, false],
    ['a queue that is not known', { queue: 'q' }, { timeMs: 0 }, false],
    ['the code', { code: 'not-json' }, facts, true],
    ['another code', { code: 'too-deep' }, facts, false],
    ['two of which one does not match', { queue: 'q', code: 'too-deep' }, facts, false],
    ['an event filter without an event', { mediaId: 'media-1' }, facts, false],
    ['no event filter with an event', { queue: 'q' }, { ...facts, event: deletion }, true],
    ['a limit, which is for others', { limit: 1 }, facts, true],
  ];
  for (const [what, selection, known, wanted] of rows) t.equal(selects(selection, known), wanted, what);
  t.end();
});

t.test('selects by what the event says', (t) => {
  const rows: [selection: Selection, deletion: boolean, foreign: boolean][] = [
    [{ mediaId: 'media-1' }, true, false],
    [{ mediaId: 'media-2' }, false, true],
    [{ mediaId: 'media' }, false, false],
    [{ status: 'fail' }, true, false],
    [{ status: 'success' }, false, false],
    [{ mediaType: 'video' }, true, false],
    [{ mediaType: 'image' }, false, false],
    [{ deleteType: 'all' }, true, false],
    [{ deleteType: 'stream' }, false, false],
    [{ eventType: 'DeleteMediaComplete' }, true, false],
    [{ eventType: 'TranscodeComplete' }, false, true],
    [{ eventType: 'TranscodeComplete', mediaId: 'media-2' }, false, true],
    [{ eventType: 'TranscodeComplete', status: 'fail' }, false, false],
    [{ mediaId: 'media-1', status: 'fail', mediaType: 'video', deleteType: 'all' }, true, false],
    [{ mediaId: 'media-1', status: 'fail', mediaType: 'video', deleteType: 'stream' }, false, false],
  ];
  for (const [selection, wantsDeletion, wantsForeign] of rows) {
    const what = JSON.stringify(selection);
    t.equal(selects(selection, { timeMs: 0, event: deletion }), wantsDeletion, `${what} of a deletion`);
    t.equal(selects(selection, { timeMs: 0, event: foreign }), wantsForeign, `${what} of a foreign event`);
  }
  t.notOk(selects({ mediaId: 'x' }, { timeMs: 0, event: { kind: 'foreign', eventType: 'E', json: '{}' } }));
  t.end();
});

t.test('says whether the event matters', (t) => {
  t.notOk(filtersEvents({}));
  t.notOk(filtersEvents({ sinceMs: 1, untilMs: 2, queue: 'q', code: 'c', limit: 3 }));
  for (const name of ['mediaId', 'status', 'mediaType', 'deleteType', 'eventType']) {
    t.ok(filtersEvents({ [name]: 'x' }), name);
  }
  t.end();
});
