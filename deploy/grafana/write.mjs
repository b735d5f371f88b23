/** Writes vod-relay.json anew: run it after each change in this folder. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { dashboard } from './dashboard.mjs';

const path = fileURLToPath(new URL('vod-relay.json', import.meta.url));
writeFileSync(
  path,
  await format(JSON.stringify(dashboard()), { ...(await resolveConfig(path)), filepath: path }),
);
