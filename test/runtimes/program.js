// Runs in every runtime: computes in strict arithmetic, prints what ran and a digest of each part's bits.

import { createHash } from 'node:crypto';
import {
  adam,
  cpuBackend,
  denseRows,
  kernelInfo,
  nysact,
  Optimizer,
  openPool,
  useKernels,
  zeros,
} from 'nysact';
import { eigh, gemm } from 'nysact/linalg';
import { fillNormal, randomKey } from 'nysact/random';
import { cosine } from 'nysact/transforms';

/** Normal numbers, a stream of their own for every seed. */
function normal(dtype, rows, cols, seed) {
  const A = zeros(dtype, rows, cols);
  fillNormal(randomKey(seed), A.data);
  return A;
}

function product(dtype, n) {
  const C = zeros(dtype, n, n);
  gemm(1, normal(dtype, n, n, 1), 'T', normal(dtype, n, n, 2), 'N', 0, C);
  return C.data;
}

function spectrum() {
  const A = zeros('float64', 60, 60);
  const B = normal('float64', 60, 60, 3);
  gemm(1, B, 'N', B, 'T', 0, A);
  const { eigenvalues, vectors } = eigh(A);
  return Float64Array.of(...eigenvalues, ...vectors.data);
}

/**
 * A weight after a hundred steps on random gradients: bias corrections are powers, the schedule is a
 * cosine.
 */
function trained(transform) {
  const backend = cpuBackend('float64');
  const W = backend.wrap(normal('float64', 8, 13, 4));
  const optimizer = new Optimizer({ backend, transform, parameters: [W], layers: [{ weight: 0 }] });
  for (let step = 0; step < 100; step++) {
    const G = backend.wrap(normal('float64', 8, 13, 100 + step));
    const X = denseRows(backend, normal('float64', 30, 12, 200 + step), { bias: true });
    optimizer.step([G], [W], [{ X }]);
  }
  return backend.readSync(W).data;
}

const learningRate = cosine({ learningRate: 0.1, steps: 150 });

/** What is computed, by name. */
const parts = {
  'normal numbers': () => normal('float64', 100, 100, 5).data,
  'gemm float32': () => product('float32', 150),
  'gemm float64': () => product('float64', 150),
  eigh: spectrum,
  // README.md's, as it is printed there.
  'quick start': async () => (await import('./quick-start.js')).P.data,
  adam: () => trained(adam({ learningRate })),
  nysact: () => trained(nysact({ learningRate, rank: 4, damping: 1 })),
};

function digest({ buffer, byteOffset, byteLength }) {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  return createHash('sha256').update(bytes).digest('hex');
}

async function pooled() {
  const pool = await openPool({ threads: 2, arithmetic: 'strict' });
  try {
    return { threads: kernelInfo().threads, product: digest(product('float32', 256)) };
  } finally {
    pool.close();
  }
}

useKernels(process.argv[2], { arithmetic: 'strict' });
const bits = {};
for (const [name, compute] of Object.entries(parts)) bits[name] = digest(await compute());
const report = { kernels: kernelInfo(), bits };
if (process.argv[2] === 'wasm') report.pool = await pooled();
console.log(JSON.stringify(report));
