// Two threads against one: what a pool makes of a second core, beside what the core itself gives.

import type { DType } from '../../src/core/dtype.js';
import { zeros } from '../../src/core/matrix.js';
import { randomKey } from '../../src/core/random.js';
import { gemm } from '../../src/kernels/gemm.js';
import { kernelInfo, openPool, useKernels } from '../../src/kernels/selection.js';
import { wasmKernels } from '../../src/kernels/wasm/index.js';
import { compile, instantiate } from '../../src/kernels/wasm/instance.js';
import { normalMatrix } from '../measure/matrices.js';
import { timeInTurn } from '../measure/timing.js';
import { quantile } from '../report/statistics.js';
import { calibrator } from './calibrator.js';
import type { Reached } from './reach.js';
import { calibratorsTogether } from './together.js';

const N = 1024;
const FLOPS = 2 * N ** 3;

/** Rounds at least. */
const ROUNDS = 15;

/** Calls of the calibration loop that take about as long as a product. */
const CALLS = 100;

/**
 * The speed-up of a product by a second thread over that of the calibration loop by a second thread:
 * (G₂/G₁)/(K₂/K₁) with the rates G of GEMM n=1024 and K of independent calibrators, all four measured
 * in each round. 1 is perfect, whatever the two cores share.
 */
export async function measureThreads(dtype: DType, budget: number): Promise<Reached> {
  useKernels('auto');
  const { variant } = kernelInfo();
  const module = compile(variant === 'relaxed-simd' ? 'relaxed' : 'strict');
  const alone = wasmKernels(() => instantiate(module));
  const [A, C] = [normalMatrix(dtype, N, N, randomKey(1)), zeros(dtype, N, N)];
  const one = calibrator(variant, dtype);
  const two = calibratorsTogether(variant, dtype, CALLS);
  const pool = await openPool({ threads: 2 });
  try {
    const [pooled, single, together, calibrated] = timeInTurn(
      [
        { run: () => gemm(1, A, 'N', A, 'N', 0, C) },
        { run: () => alone.product(1, A, 'N', A, 'N', 0, C, false) },
        two,
        {
          run: () => {
            for (let k = 0; k < CALLS; k++) one.run();
          },
        },
      ],
      { budget, rounds: ROUNDS },
    );
    const shares = pooled.map((time, k) => {
      const available = (two.flops / together[k]) * (calibrated[k] / (CALLS * one.flops));
      return single[k] / time / available;
    });
    const [ours, beside] = [quantile(pooled, 0.5), quantile(single, 0.5)];
    return {
      key: 'threads2.gemm1024',
      name: `GEMM n=${N} ${dtype}: speed-up by a second thread, of the calibrators' own`,
      value: quantile(shares, 0.5),
      aim: { least: 0.92 },
      pair: { ours, beside, ratio: beside / ours, rounds: shares.length },
      gflops: FLOPS / ours / 1e6,
    };
  } finally {
    pool.close();
    await two.close();
  }
}
