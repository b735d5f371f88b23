import type { NatsConnection } from 'nats';
import t from 'tap';
import { Outlet } from '../../../../src/nats/publish/outlet.js';
import { settled } from '../../receive/memory-queue.js';

/**
 * As the library's connection: it takes every write, and a flush resolves when the test says that the server
 * has all before it.
 */
function open() {
  const flushes: { written: number; resolve: () => void; reject: (error: Error) => void }[] = [];
  let [written, isClosed, calls] = [0, false, 0];
  const connection = {
    publish: () => {
      if (isClosed) throw new Error('closed');
      written++;
    },
    flush: () =>
      new Promise<void>((resolve, reject) => {
        flushes.push({ written, resolve, reject });
      }),
    isClosed: () => isClosed,
  } as unknown as NatsConnection;
  const outlet = new Outlet(connection, () => calls++);
  const write = (bytes: number): number => outlet.write('subject', new Uint8Array(bytes), {});
  const taken = async (): Promise<void> => {
    flushes.shift()?.resolve();
    await settled();
  };
  return {
    outlet,
    flushes,
    write,
    taken,
    get calls() {
      return calls;
    },
    close: () => (isClosed = true),
  };
}

const mebibyte = 1_048_576;

t.test('it is full at 8 MiB that the server has not taken, and says when there is room', async (t) => {
  const wire = open();
  for (let writes = 0; writes < 8; writes++) {
    t.notOk(wire.outlet.isFull);
    wire.write(mebibyte);
  }
  t.ok(wire.outlet.isFull);
  t.equal(wire.flushes.length, 1, 'one flush at a time');
  await wire.taken();
  t.notOk(wire.outlet.isFull, 'the first is taken');
  t.equal(wire.calls, 1);
  t.equal(wire.flushes.length, 1, 'the next flush asks for the rest');
  await wire.taken();
  t.equal(wire.calls, 1, 'it was not full');
  t.equal(wire.flushes.length, 0);
});

t.test('what the server has not taken is asked about, and known once it answers', async (t) => {
  const wire = open();
  const first = wire.write(10);
  t.equal(wire.flushes.length, 0, 'a small write asks nothing by itself');
  t.notOk(wire.outlet.hasTaken(first));
  const second = wire.write(10);
  t.notOk(wire.outlet.hasTaken(second));
  t.equal(wire.flushes.length, 1);
  await wire.taken();
  t.ok(wire.outlet.hasTaken(first));
  t.notOk(wire.outlet.hasTaken(second), 'written after the flush');
  await wire.taken();
  t.ok(wire.outlet.hasTaken(second));
});

t.test('another connection begins empty, and the flush of the one before says nothing', async (t) => {
  const wire = open();
  for (let writes = 0; writes < 9; writes++) wire.write(mebibyte);
  wire.outlet.reset();
  t.notOk(wire.outlet.isFull);
  let last = 0;
  for (let writes = 0; writes < 8; writes++) last = wire.write(mebibyte);
  t.equal(wire.flushes.length, 2, 'the new connection is asked');
  await wire.taken();
  t.ok(wire.outlet.isFull);
  t.equal(wire.calls, 0);
  await wire.taken();
  t.equal(wire.calls, 1);
  await wire.taken();
  t.ok(wire.outlet.hasTaken(last));
});

t.test('a flush that fails is asked again, and one of a closed connection is not begun', async (t) => {
  const wire = open();
  const write = wire.write(10);
  t.notOk(wire.outlet.hasTaken(write));
  wire.flushes.shift()?.reject(new Error('broken'));
  await settled();
  t.notOk(wire.outlet.hasTaken(write));
  t.equal(wire.flushes.length, 1);
  wire.flushes.shift()?.reject(new Error('broken'));
  await settled();
  wire.close();
  t.notOk(wire.outlet.hasTaken(write));
  t.equal(wire.flushes.length, 0);
  t.throws(() => wire.write(10));
});

t.test('a write that the library refuses counts for nothing', (t) => {
  const wire = open();
  wire.close();
  for (let writes = 0; writes < 9; writes++) t.throws(() => wire.write(mebibyte));
  t.notOk(wire.outlet.isFull);
  t.end();
});
