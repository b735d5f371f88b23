import { Command } from 'commander';
import t from 'tap';
import { addReplayOptions, planOf, type ReplayFlags } from '../../../src/commands/replay/options.js';
import type { ReplayPlan } from '../../../src/replay/plan.js';

t.test('options that do not go together are refused', async (t) => {
  const rows: [args: string[], message: RegExp][] = [
    [['--events', '--dead-letters'], /choose one/],
    [['--events', '--queue', 'dlq'], /not for --events/],
    [['--events', '--keep'], /--keep is for queues/],
    [['--dead-letters', '--queue', 'a', '--queue', 'b'], /takes one --queue/],
    [['--code', 'not-json'], /--code is for --dead-letters/],
    [['--follow-up'], /--follow-up is for --events/],
    [['--dead-letters', '--follow-up'], /--follow-up is for --events/],
    [['--events', '--follow-up', '--again'], /without --again and --to/],
    [['--events', '--follow-up', '--to', 'vod.replay.x'], /without --again and --to/],
    [['--since', 'yesterday'], /must be a time/],
    [['--rate', '0'], /whole number/],
  ];
  for (const [args, message] of rows) t.throws(() => planned(args), { message }, args.join(' '));
});

t.test('the plan is what was asked for', async (t) => {
  const usual = { queues: [], selection: {}, again: false, followUp: false, keep: false, rate: 100 };
  const rows: [args: string[], plan: object][] = [
    [[], { ...usual, source: 'queues' }],
    [['--queue', 'a', '--queue', 'b'], { ...usual, source: 'queues', queues: ['a', 'b'] }],
    [['--dead-letters', '--queue', 'a'], { ...usual, source: 'dead-letters', selection: { queue: 'a' } }],
    [['--events', '--follow-up'], { ...usual, source: 'events', followUp: true }],
    [['--events', '--dry-run'], { ...usual, source: 'events', rate: 1_000 }],
    [['--to', 'x.y'], { ...usual, source: 'queues', to: 'x.y', keep: true }],
  ];
  for (const [args, plan] of rows) t.strictSame(planned(args), plan, args.join(' '));
});

function planned(args: readonly string[]): ReplayPlan {
  const command = addReplayOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  return planOf(command.parse(args, { from: 'user' }).opts<ReplayFlags>());
}
