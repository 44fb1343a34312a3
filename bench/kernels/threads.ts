// Two threads against one: what a pool makes of a second core, beside what the core itself gives.

import type { DType } from '../../src/core/dtype.js';
import { zeros } from '../../src/core/matrix.js';
import { fillNormal, randomKey } from '../../src/core/random.js';
import { gemm } from '../../src/kernels/gemm.js';
import { kernelInfo, openPool, useKernels } from '../../src/kernels/selection.js';
import { wasmKernels } from '../../src/kernels/wasm/index.js';
import { compile, instantiate } from '../../src/kernels/wasm/instance.js';
import { quantile } from '../report/statistics.js';
import { calibrator } from './calibrator.js';
import type { Reached } from './reach.js';
import { calibratorsTogether } from './together.js';

const N = 1024;
const FLOPS = 2 * N ** 3;

/** Rounds that warm up, and rounds that count. */
const WARM_UP = 3;
const ROUNDS = 15;

/** Calls of the calibration loop that take about as long as a product. */
const CALLS = 100;

/**
 * The speed-up of a product by a second thread over that of the calibration loop by a second thread:
 * (G₂/G₁)/(K₂/K₁) with the rates G of GEMM n=1024 and K of independent calibrators, all four measured
 * in each round. 1 is perfect, whatever the two cores share.
 */
export async function measureThreads(dtype: DType): Promise<Reached> {
  useKernels('auto');
  const { variant } = kernelInfo();
  const module = compile(variant === 'relaxed-simd' ? 'relaxed' : 'strict');
  const alone = wasmKernels(() => instantiate(module));
  const [A, C] = [zeros(dtype, N, N), zeros(dtype, N, N)];
  fillNormal(randomKey(1), A.data);
  const one = calibrator(variant, dtype);
  const two = calibratorsTogether(variant, dtype, CALLS);
  const pool = await openPool({ threads: 2 });
  const rates: { readonly value: number; readonly ours: number; readonly beside: number }[] = [];
  try {
    for (let round = -WARM_UP; round < ROUNDS; round++) {
      const pooled = time(() => gemm(1, A, 'N', A, 'N', 0, C));
      const together = time(two.run);
      const single = time(() => alone.product(1, A, 'N', A, 'N', 0, C, false));
      const calibrated = time(() => {
        for (let k = 0; k < CALLS; k++) one.run();
      });
      if (round < 0) continue;
      const speedUp = single / pooled;
      const available = (two.flops / together) * (calibrated / (CALLS * one.flops));
      rates.push({ value: speedUp / available, ours: pooled, beside: single });
    }
  } finally {
    pool.close();
    await two.close();
  }
  const median = (pick: (rate: (typeof rates)[number]) => number) => quantile(rates.map(pick), 0.5);
  const [ours, beside] = [median((rate) => rate.ours), median((rate) => rate.beside)];
  return {
    key: 'threads2.gemm1024',
    name: `GEMM n=${N} ${dtype}: speed-up by a second thread, of the calibrators' own`,
    value: median((rate) => rate.value),
    aim: { least: 0.92 },
    pair: { ours, beside, ratio: beside / ours, rounds: rates.length },
    gflops: FLOPS / ours / 1e6,
  };
}

function time(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}
