// `npm run bench -- gpu`: at which shapes a device of GPU.js beats the CPU backend, transfers included, in
// a browser and in plain Node; and what a step of TensorFlow.js costs there.

import { parseArgs } from 'node:util';
import { checkChoice, checkInteger, checkPositive } from '../../src/core/check.js';
import { formatNumber } from '../report/format.js';
import { resultJson, writeResultFile } from '../report/json.js';
import { markdownTable, type Table, terminalTable } from '../report/table.js';
import { measureInBrowser } from './browser.js';
import { findChromium } from './chromium.js';
import type { HostReport, MeasureOptions } from './modes.js';
import { measureInNode } from './node.js';
import { operationTable, stepTable } from './report.js';

/** On a graphics card larger products can be waited for than on software. */
const LARGEST = { software: 257, hardware: 2049 };

/** What measures in a host. */
type Measure = (hardware: boolean, options: MeasureOptions) => Promise<HostReport>;

const HOSTS: Readonly<Record<string, Measure>> = {
  async chromium(hardware, options) {
    const executablePath = findChromium();
    if (executablePath !== undefined) return measureInBrowser(executablePath, hardware, options);
    throw new Error('no Chromium found; install chromium, or set CHROME_PATH');
  },
  node: measureInNode,
};

/** Runs the benchmark, prints its tables and writes bench/results/gpu.json. */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      hardware: { type: 'boolean', default: false },
      /** `chromium` or `node` alone. */
      in: { type: 'string' },
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
  if (values.in !== undefined) checkChoice('gpu', 'in', values.in, Object.keys(HOSTS));
  const configuration = { time, largest };
  const print = (table: Table) =>
    console.log(`${values.markdown ? markdownTable(table) : terminalTable(table)}\n`);

  const reports = [];
  for (const name of values.in === undefined ? Object.keys(HOSTS) : [values.in]) {
    try {
      const report = await HOSTS[name](values.hardware, configuration);
      printReport(report, print);
      reports.push(report);
    } catch (error) {
      console.error(`Not measured in ${name}: ${String(error)}\n`);
    }
  }
  if (reports.length === 0) {
    process.exitCode = 1;
    return;
  }
  const [{ cpu }] = reports;
  if (!values.hardware) {
    console.log('On software: this says nothing of a real GPU. `--hardware` uses one.');
  }
  const json = resultJson({
    name: 'gpu',
    seed: 1,
    backend: { name: 'cpu', variant: `${cpu.kind}-${cpu.variant}`, threads: cpu.threads },
    configuration: { ...configuration, kind },
    results: { hosts: reports },
  });
  console.log(`Written to ${writeResultFile('gpu.json', json)}.`);
}

function printReport(
  { host, cpu, modes, missing, steps }: HostReport,
  print: (table: Table) => void,
): void {
  for (const mode of modes) {
    console.log(
      `${host}: ${mode.mode} on ${mode.adapter}, relative error ${formatNumber(mode.error)}`,
    );
    print(operationTable(mode));
  }
  if (steps !== undefined && steps.length > 0) print(stepTable(steps));
  for (const reason of missing) console.log(`Not measured: ${reason}`);
  console.log(`The CPU backend there is ${cpu.kind}, ${cpu.variant}, one thread.\n`);
}
