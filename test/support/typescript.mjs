/**
 * `node --import=./test/support/typescript.mjs file.ts` runs TypeScript in this process alone: a flag of the
 * command, unlike NODE_OPTIONS, is not inherited by the worker processes that a test starts.
 */
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
