import { Command } from 'commander';
import { withConfig } from '../config-option.js';
import type { Config } from '../../config/config.js';
import type { FollowUp } from '../../event/follow-up.js';
import { nativeTypeOf } from '../../event/native-events.js';
import { eventTypeOf, type VodEvent } from '../../event/vod-event.js';
import { plan } from '../../follow-up/plan.js';
import { isTooOld } from '../../follow-up/quiet.js';
import { findDeadLetter, type StoredDeadLetter } from '../../replay/dead-letter-stream.js';
import { originOf, readDeadLetter } from '../../replay/read-dead-letter.js';
import { systemClock } from '../../time.js';
import { wholeNumber } from '../selection-options.js';
import { hexDump, isoTime, printable } from './layout.js';
import { withSession, type DeadLettersIo } from './session.js';

interface ShowFlags {
  config: string[];
  raw?: boolean;
}

/** More of a body fills the screen and says no more. */
const shownBytes = 4096;

/** `dead-letters show`: why, and the bytes. */
export function showCommand(io: DeadLettersIo): Command {
  return withConfig(new Command('show'))
    .description('show a dead letter: why it is one, what today’s decoder says, and its bytes')
    .argument('<id>', 'the id, as `list` shows it', wholeNumber)
    .option('--raw', 'write the bytes of the body and nothing else')
    .addHelpText(
      'after',
      `
Examples:
  $ vod-relay dead-letters show 17 --config relay.yaml
  $ vod-relay dead-letters show 17 --config relay.yaml --raw > body.bin`,
    )
    .action((id: number, flags: ShowFlags) => show(io, id, flags));
}

async function show(io: DeadLettersIo, id: number, { config: files, raw = false }: ShowFlags): Promise<void> {
  await withSession(io, files, async ({ config, reader, signal }) => {
    const letter = await findDeadLetter(reader, config.nats.prefix, id, signal);
    if (!letter) throw new Error(`there is no dead letter ${id}`);
    await io.write(raw ? letter.body : describe(letter, config));
  });
}

function describe(letter: StoredDeadLetter, config: Config): string {
  const { id, subject, timeMs, done, headers, body } = letter;
  const shown = body.subarray(0, shownBytes);
  const part = shown.length < body.length ? `, the first ${shownBytes}; --raw has all` : '';
  const text = printable(Buffer.from(shown).toString('utf8'));
  return [
    `Dead letter ${id}, ${done ? 'done' : 'open'}, since ${isoTime(timeMs)}`,
    `  ${printable(subject)}`,
    '',
    ...Object.entries(headers).map(([name, value]) => `  ${printable(`${name}: ${value}`)}`),
    '',
    'Decoded today',
    ...today(letter, config).map((line) => `  ${printable(line)}`),
    '',
    `Body (${body.length} bytes${part})`,
    hexDump(shown),
    'As text',
    `${text}${text.endsWith('\n') ? '' : '\n'}`,
  ].join('\n');
}

/** The result that a replay would have. */
export function today(
  letter: StoredDeadLetter,
  { queues, nats, foreignEvents, followUp }: TodayConfig,
): string[] {
  const { queue } = letter;
  const origin = originOf(queues, queue);
  const reading = readDeadLetter(letter, origin, { prefix: nats.prefix, foreignEvents });
  switch (reading.kind) {
    case 'unreadable-follow-up':
      return ['a replay leaves it: the body is not the outcome of a follow-up'];
    case 'follow-up':
      return [`failed follow-up of ${summary(reading.event)}`, followUpFate(reading.followUp, followUp)];
    case 'no-origin': {
      const { decoded } = reading;
      if (decoded.kind === 'undecodable') return [stillUndecodable(decoded)];
      const isThere = queues.some(({ name }) => name === queue);
      const why = isThere ? `two accounts have a queue ${queue}` : `the configuration has no queue ${queue}`;
      return [summary(decoded.event), `a replay leaves it: ${why}`];
    }
    case 'undecodable':
      if (!reading.event) return [stillUndecodable(reading)];
      return [summary(reading.event), `a replay leaves it: ${reading.reason}`];
    case 'discarded':
      return [summary(reading.event), 'a replay leaves it: foreignEvents is set to discard'];
    case 'event': {
      const { id, subject } = reading.message;
      return [summary(reading.event), `a replay publishes it as event ${id}`, `on ${subject}`];
    }
  }
}

type TodayConfig = Pick<Config, 'foreignEvents'> & {
  followUp: PlanConfig;
  queues: readonly Pick<Config['queues'][number], 'name' | 'vod'>[];
  nats: Pick<Config['nats'], 'prefix'>;
};

function stillUndecodable({ code, reason, at }: { code: string; reason: string; at: string }): string {
  return `still undecodable: ${code}, ${reason} (${at})`;
}

type PlanConfig = Pick<Config['followUp'], 'policy' | 'guard'>;

function followUpFate(followUp: FollowUp, { policy, guard }: PlanConfig): string {
  const planned = plan(followUp, policy, guard);
  const { row } = planned;
  const taken = 'a replay has it followed up again';
  if (planned.kind === 'none') return `${taken}, without a call: ${planned.reason} (row ${row})`;
  if (isTooOld(followUp, systemClock.now())) {
    return `${taken}, without a call: the deletion is more than seven days ago`;
  }
  return `${taken}, with attempts of its own (row ${row})`;
}

function summary(event: VodEvent): string {
  const type = eventTypeOf(event);
  if (event.kind === 'foreign') return [type, event.mediaId ?? ''].join(' ').trim();
  return [type, ...nativeTypeOf(event).subjectTokens(event), 'at', event.eventTime].join(' ');
}
