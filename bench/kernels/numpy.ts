// NumPy beside our kernels, where it is installed: what native code reaches on the same core.

import { spawnSync } from 'node:child_process';

/** Milliseconds, medians of one thread. */
export interface Numpy {
  readonly version: string;
  readonly gemm512: { readonly float32: number; readonly float64: number };
  readonly cholesky577: number;
  readonly inverse577: number;
  readonly eigh577: number;
}

const SCRIPT = `
import json, time
import numpy as np
rng = np.random.default_rng(1)
def median(work):
    for _ in range(3): work()
    times = []
    for _ in range(15):
        start = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - start))
    return sorted(times)[7]
def product(dtype):
    a = rng.standard_normal((512, 512)).astype(dtype)
    return median(lambda: a @ a)
x = rng.standard_normal((2308, 577))
a = x.T @ x / 2308
print(json.dumps({
    'version': np.__version__,
    'gemm512': {'float32': product(np.float32), 'float64': product(np.float64)},
    'cholesky577': median(lambda: np.linalg.cholesky(a)),
    'inverse577': median(lambda: np.linalg.inv(a)),
    'eigh577': median(lambda: np.linalg.eigh(a)),
}))
`;

/** One thread of NumPy; undefined where Python or NumPy is missing. */
export function measureNumpy(): Numpy | undefined {
  const one = { OPENBLAS_NUM_THREADS: '1', OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1' };
  const { status, stdout } = spawnSync('python3', ['-c', SCRIPT], {
    encoding: 'utf8',
    env: { ...process.env, ...one },
  });
  if (status !== 0) return undefined;
  const found: Numpy = JSON.parse(stdout);
  return found;
}
