/**
 * `node --import` this: writes the URL of each module that is loaded, a line each, to the file MODULES_FILE.
 */
import { appendFileSync } from 'node:fs';
import { register } from 'node:module';

if (process.env.MODULES_FILE) register(import.meta.url, { data: process.env.MODULES_FILE });

let file;

export function initialize(path) {
  file = path;
}

export async function load(url, context, nextLoad) {
  appendFileSync(file, `${url}\n`);
  return await nextLoad(url, context);
}
