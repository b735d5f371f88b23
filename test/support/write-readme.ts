/** `npm run docs`: writes the generated parts of README.md anew. */
import { writeFileSync } from 'node:fs';
import { freshReadme, readmePath } from './readme.js';

writeFileSync(readmePath, freshReadme());
