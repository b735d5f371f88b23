/** `npm run docs`: writes the generated pages and parts of pages. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../deploy/local/nats-server.mjs';
import { freshPages } from './fresh-pages.js';

for (const [path, text] of freshPages()) writeFileSync(join(projectRoot, path), text);
