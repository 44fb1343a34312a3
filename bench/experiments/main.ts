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
  const causes = error instanceof AggregateError ? error.errors : [error];
  const messages = causes.map((cause) => (cause instanceof Error ? cause.message : String(cause)));
  for (const message of new Set(messages)) console.error(`experiments: ${message}`);
  process.exitCode = 1;
}

async function carryOut(request: Request): Promise<void> {
  const { task, names, scale, seeds, resume, jobs, data, backend } = request;
  const out = request.out ?? packageFolder('build', 'experiments');
  mkdirSync(out, { recursive: true });
  const results = new Results(join(out, 'results.jsonl'));
  const scope = { scale, seeds, folder: data };
  if (task !== 'report') {
    const { tf, adapter } = await openDevice(task === 'list' ? 'wasm' : backend);
    if (task === 'list') {
      console.log(terminalTable(listing(speedOf(tf), names, scope, results, jobs)));
      return;
    }
    for (const name of names) {
      await conduct(tf, name, experiments[name], {
        scope,
        results,
        out,
        data,
        adapter,
        resume,
        jobs,
      });
    }
  }
  console.log(await report(names, scope, results, out));
}
