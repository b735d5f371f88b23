/**
 * `npm run bench [-- relay | follow-up | replay | gates | scans]`: measures and prints, never judges. The
 * sandbox runs in this process, the workers and nats-server in their own, so that on two cores they share the
 * CPU: compare runs of one machine with each other only.
 */
import { availableParallelism, cpus } from 'node:os';
import { benchFollowUp } from './follow-up.js';
import { benchGates } from './gates.js';
import { print } from './print.js';
import { benchRelay } from './relay.js';
import { benchReplay } from './replay.js';
import { benchScans } from './scans.js';

const benches = {
  relay: benchRelay,
  'follow-up': benchFollowUp,
  replay: benchReplay,
  gates: benchGates,
  scans: benchScans,
};

const named = process.argv.slice(2);
for (const name of named) if (!(name in benches)) throw new Error(`there is no bench ${name}`);
print(`Node ${process.version}, ${availableParallelism()} cores, ${cpus()[0]?.model ?? 'unknown CPU'}`);
for (const [name, bench] of Object.entries(benches)) {
  if (named.length === 0 || named.includes(name)) await bench();
}
