/**
 * `node --import=…/moved-clock.mjs?+400d` runs a program on another day: `Date` is moved by that much, back
 * with a minus. Monotonic clocks, timers and all that is not Node keep their time: files, certificates, a
 * nats-server.
 */
const SystemDate = Date;
const movedMs = durationMs(decodeURIComponent(new URL(import.meta.url).search.slice(1)));
const now = () => systemNow() + movedMs;
const systemNow = SystemDate.now;

const MovedDate = new Proxy(SystemDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  apply: () => new SystemDate(now()).toString(),
});
SystemDate.now = now;
SystemDate.prototype.constructor = MovedDate;
globalThis.Date = MovedDate;

function durationMs(text) {
  const [, sign, count, unit] = /^([+-])(\d+)([dh])$/.exec(text) ?? [];
  if (!unit) throw new Error(`a clock is moved by +400d, -400d, +36h and the like, not by "${text}"`);
  return Number(`${sign}${count}`) * { d: 86_400_000, h: 3_600_000 }[unit];
}
