// `npm run bench -- gpu`: at which shapes a device of GPU.js beats the CPU backend, transfers included.

import { parseArgs } from 'node:util';
import { checkInteger, checkPositive } from '../../src/core/check.js';
import { formatNumber } from '../report/format.js';
import { resultJson, writeResultFile } from '../report/json.js';
import { markdownTable, terminalTable } from '../report/table.js';
import { measureInBrowser } from './browser.js';
import { findChromium } from './chromium.js';
import { operationTable } from './report.js';

/** On a graphics card larger products can be waited for than on software. */
const LARGEST = { software: 257, hardware: 2049 };

/** Runs the benchmark, prints its tables and writes bench/results/gpu.json. */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      hardware: { type: 'boolean', default: false },
      largest: { type: 'string' },
      markdown: { type: 'boolean', default: false },
      time: { type: 'string', default: '100' },
    },
  });
  const kind = values.hardware ? 'hardware' : 'software';
  const time = Number(values.time);
  const largest = Number(values.largest ?? LARGEST[kind]);
  checkPositive('gpu', 'time', time);
  checkInteger('gpu', 'largest', largest, 1);
  const executablePath = findChromium();
  if (executablePath === undefined) {
    console.error('gpu: no Chromium found; install chromium, or set CHROME_PATH');
    process.exitCode = 1;
    return;
  }
  const configuration = { time, largest };
  const report = await measureInBrowser(executablePath, values.hardware, configuration);
  const { cpu, browser, modes, missing } = report;
  for (const mode of modes) {
    console.log(`${mode.mode} on ${mode.adapter}, relative error ${formatNumber(mode.error)}`);
    const table = operationTable(mode);
    console.log(`${values.markdown ? markdownTable(table) : terminalTable(table)}\n`);
  }
  for (const reason of missing) console.log(`Not measured: ${reason}`);
  console.log(`The CPU backend is ${cpu.kind}, ${cpu.variant}, one thread, in the same page.`);
  if (!values.hardware) {
    console.log('On software: this says nothing of a real GPU. `--hardware` uses one.');
  }
  const json = resultJson({
    name: 'gpu',
    seed: 1,
    backend: { name: 'cpu', variant: `${cpu.kind}-${cpu.variant}`, threads: cpu.threads },
    configuration: { ...configuration, kind, browser },
    results: { modes, missing },
  });
  console.log(`Written to ${writeResultFile('gpu.json', json)}.`);
}
