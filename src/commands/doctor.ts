import { Command, Option } from 'commander';
import { withConfig } from './config-option.js';
import { finish } from './finish.js';
import { loadConfigFromProcess, processEnvironment } from '../config/load.js';
import { ignoredProxies } from '../config/read/proxies.js';
import { diagnose, type DoctorRole } from '../doctor/diagnose.js';
import { resultJson, resultTable } from '../doctor/table.js';
import { systemClock } from '../time.js';

interface DoctorFlags {
  config: string[];
  role: DoctorRole;
  json?: boolean;
}

/** `vod-relay doctor`: the configuration against reality. Exits 1 when a check fails, else 0. */
export function doctorCommand(): Command {
  return withConfig(new Command('doctor'))
    .addOption(
      new Option('--role <role>', 'whose set-up to look at, as for `run`')
        .choices(['both', 'relay', 'follow-up'] satisfies DoctorRole[])
        .default('both'),
    )
    .option('--json', 'print a JSON array instead of a table')
    .action(async ({ config: files, role, json }: DoctorFlags) => {
      const config = loadConfigFromProcess(files, { requireLive: role !== 'follow-up' });
      const results = await diagnose({
        config,
        role,
        clock: systemClock,
        ignoredProxies: ignoredProxies(processEnvironment()),
      });
      const text = json === true ? resultJson(results) : resultTable(results);
      await finish(text, results.some(({ status }) => status === 'fail') ? 1 : 0);
    });
}
