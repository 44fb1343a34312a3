// `npm run experiments -- <name>… [options]`: the paper's tables and figures.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from '../report/json.js';
import { terminalTable } from '../report/table.js';
import { conduct } from './conduct.js';
import { openDevice } from './device.js';
import { Results } from './engine/results.js';
import { listing } from './list.js';
import { report } from './report.js';
import { type Request, readRequest, usage } from './request.js';
import { speedOf } from './speed.js';
import { experiments } from './studies/index.js';

try {
  const request = readRequest(process.argv.slice(2));
  if (request === undefined) console.log(usage);
  else await carryOut(request);
} catch (error) {
  for (const message of new Set(messagesOf(error))) console.error(`experiments: ${message}`);
  process.exitCode = 1;
}

/** What is wrong: a message for each of all causes. */
function messagesOf(error: unknown): string[] {
  if (error instanceof AggregateError) return error.errors.flatMap(messagesOf);
  return [error instanceof Error ? error.message : String(error)];
}

async function carryOut(request: Request): Promise<void> {
  const { task, names, scale, seeds, resume, jobs, data, backend } = request;
  const out = request.out ?? packageFolder('build', 'experiments');
  mkdirSync(out, { recursive: true });
  const results = new Results(join(out, 'results.jsonl'));
  const scope = { scale, seeds, folder: data };
  const failures: unknown[] = [];
  if (task !== 'report') {
    const { tf, adapter } = await openDevice(task === 'list' ? 'wasm' : backend);
    if (task === 'list') {
      console.error('Timing a few steps of every network…');
      console.log(terminalTable(listing(speedOf(tf), names, scope, results, jobs)));
      return;
    }
    for (const name of names) {
      const how = { scope, results, out, data, adapter, resume, jobs };
      try {
        await conduct(tf, name, experiments[name], how);
      } catch (error) {
        failures.push(error);
      }
    }
  }
  console.log(await report(names, scope, results, out));
  if (failures.length > 0) {
    throw new AggregateError(failures, `${failures.length} experiments have failed`);
  }
}
