// What the kernels reach: against the calibration loop, ml-matrix, and TensorFlow.js on WebAssembly.

import { gzipSync } from 'node:zlib';
import type { Tensor2D } from '@tensorflow/tfjs';
import { CholeskyDecomposition, EigenvalueDecomposition, inverse } from 'ml-matrix';
import { cpuBackend } from '../../src/backend/cpu.js';
import type { DType } from '../../src/core/dtype.js';
import { type DenseMatrix, zeros } from '../../src/core/matrix.js';
import { randomKey } from '../../src/core/random.js';
import { gemm } from '../../src/kernels/gemm.js';
import { kernelInfo } from '../../src/kernels/selection.js';
import { syrk } from '../../src/kernels/syrk.js';
import { BINARIES } from '../../src/kernels/wasm/binaries.js';
import { cholesky, spdInverse } from '../../src/linalg/cholesky.js';
import { eigh } from '../../src/linalg/eigh.js';
import { toMlMatrix } from '../../src/ml-matrix.js';
import { foofMethod } from '../../src/precondition/foof.js';
import type { Method } from '../../src/precondition/method.js';
import { nysactMethod } from '../../src/precondition/nysact.js';
import { denseRows } from '../../src/rows/dense.js';
import type { TensorFlow } from '../data/tensorflow.js';
import { layerUnder } from '../measure/layer.js';
import { normalMatrix, secondMoment } from '../measure/matrices.js';
import { type Pair, timePair, type Work } from '../measure/timing.js';
import { calibrator } from './calibrator.js';

/** One figure, with what it was measured from. */
export interface Reached {
  readonly key: string;
  /** What is compared, for people. */
  readonly name: string;
  /** The figure itself; `least` is what is aimed at, or `most` where less is better. */
  readonly value: number;
  readonly aim: { readonly least: number } | { readonly most: number };
  /** What was timed, where it was. */
  readonly pair?: Pair;
  /** The rate of ours, where it is a product. */
  readonly gflops?: number;
}

/** Makes the figure when it is called, in `budget` milliseconds or so. */
export interface Reach {
  readonly key: string;
  readonly measure: (budget: number) => Reached;
}

function normal<D extends DType>(dtype: D, m: number, n: number, seed: number): DenseMatrix<D> {
  return normalMatrix(dtype, m, n, randomKey(seed));
}

/** GEMM n=512 as a share of what the calibration loop reaches. */
function peak(dtype: DType, least: number): Reach {
  const short = dtype === 'float32' ? 'f32' : 'f64';
  const key = `gemm512.${short}.peak`;
  return {
    key,
    measure: (budget) => {
      const n = 512;
      const [A, B, C] = [normal(dtype, n, n, 1), normal(dtype, n, n, 2), zeros(dtype, n, n)];
      const loop = calibrator(kernelInfo().variant, dtype);
      const pair = timePair({ run: () => gemm(1, A, 'N', B, 'N', 0, C) }, loop, budget);
      const value = (2 * n ** 3 * pair.ratio) / loop.flops;
      const name = `GEMM n=${n} ${dtype}, share of the calibration loop`;
      return { key, name, value, aim: { least }, pair, gflops: (2 * n ** 3) / pair.ours / 1e6 };
    },
  };
}

/** Something of ours against a peer: how many times longer the peer takes. */
function against(
  key: string,
  name: string,
  least: number,
  make: () => { readonly ours: () => unknown; readonly peer: () => unknown },
): Reach {
  return {
    key,
    measure: (budget) => {
      const { ours, peer } = make();
      const pair = timePair({ run: ours }, { run: peer }, budget);
      return { key, name, value: pair.ratio, aim: { least }, pair };
    },
  };
}

function productAgainstMlMatrix(dtype: DType, least: number): Reach {
  const short = dtype === 'float32' ? 'f32' : 'f64';
  return against(`gemm512.${short}.mlMatrix`, `GEMM n=512 ${dtype}, × ml-matrix`, least, () => {
    const [A, C] = [normal(dtype, 512, 512, 1), zeros(dtype, 512, 512)];
    const M = toMlMatrix(A);
    return { ours: () => gemm(1, A, 'N', A, 'N', 0, C), peer: () => M.mmul(M) };
  });
}

function tensor(tf: TensorFlow, A: DenseMatrix<'float32'>): Tensor2D {
  return tf.tensor2d(A.data, [A.rows, A.cols]);
}

function productAgainstTfjs(tf: TensorFlow, n: number, least: number): Reach {
  return against(`gemm${n}.f32.tfjs`, `GEMM n=${n} float32, × tfjs-wasm`, least, () => {
    const [A, C] = [normal('float32', n, n, 1), zeros('float32', n, n)];
    const T = tensor(tf, A);
    return {
      ours: () => gemm(1, A, 'N', A, 'N', 0, C),
      peer: () => tf.matMul(T, T).dispose(),
    };
  });
}

const [ROWS, INPUTS, RANK] = [4096, 577, 10];

function syrkAgainstTfjs(tf: TensorFlow): Reach {
  const name = `SYRK ${ROWS}×${INPUTS} float32, × tfjs-wasm with its transpose`;
  return against('syrk.f32.tfjs', name, 2.5, () => {
    const [X, C] = [normal('float32', ROWS, INPUTS, 1), zeros('float32', INPUTS, INPUTS)];
    const T = tensor(tf, X);
    return {
      ours: () => syrk(1, X, 'T', 0, C, 'both'),
      peer: () => tf.tidy(() => void tf.matMul(tf.transpose(T), T)),
    };
  });
}

function sketchAgainstTfjs(tf: TensorFlow): Reach {
  const name = `Xᵀ(XS) ${ROWS}×${INPUTS}, r=${RANK} float32, × tfjs-wasm`;
  return against('sketch10.f32.tfjs', name, 4, () => {
    const backend = cpuBackend('float32');
    const [X, S] = [normal('float32', ROWS, INPUTS, 1), normal('float32', INPUTS, RANK, 2)];
    const x = backend.wrap(X);
    const operand = { kind: 'dense', S: backend.wrap(S) } as const;
    const C = backend.allocate(INPUTS, RANK);
    const [tX, tS] = [tensor(tf, X), tensor(tf, S)];
    return {
      ours: () => backend.sketchMoment(x, operand, 1 / ROWS, 0, C),
      // The explicit transpose is TensorFlow.js's faster way.
      peer: () => tf.tidy(() => void tf.matMul(tf.transpose(tX), tf.matMul(tX, tS))),
    };
  });
}

/** A factorisation of a second moment in float64. */
function factorisation(
  key: string,
  name: string,
  p: number,
  least: number,
  ours: (A: DenseMatrix<'float64'>) => unknown,
  peer: (A: ReturnType<typeof toMlMatrix>) => unknown,
): Reach {
  return against(key, `${name} n=${p} float64, × ml-matrix`, least, () => {
    // Four rows a column: positive definite, and well conditioned.
    const A = secondMoment(normal('float64', 4 * p, p, 5));
    const M = toMlMatrix(A);
    return { ours: () => ours(A), peer: () => peer(M) };
  });
}

/** `count` calls in a row. */
function times(count: number, work: () => void): () => void {
  return () => {
    for (let k = 0; k < count; k++) work();
  };
}

/** Both dtypes in turn against each alone: the share of time that is lost. */
const alternating: Reach = {
  key: 'alternating.loss',
  measure: (budget) => {
    const [A, B] = [normal('float32', 512, 512, 1), normal('float64', 512, 512, 1)];
    const [C, D] = [zeros('float32', 512, 512), zeros('float64', 512, 512)];
    const [single, double] = [
      () => gemm(1, A, 'N', A, 'N', 0, C),
      () => gemm(1, B, 'N', B, 'N', 0, D),
    ];
    const [four32, four64] = [times(4, single), times(4, double)];
    const inTurn = times(4, () => {
      single();
      double();
    });
    const alone = (): void => {
      four32();
      four64();
    };
    const pair = timePair({ run: inTurn }, { run: alone }, budget);
    const name = 'GEMM n=512, float32 and float64 in turn against each alone: loss';
    return {
      key: 'alternating.loss',
      name,
      value: 1 / pair.ratio - 1,
      aim: { most: 0.03 },
      pair,
    };
  },
};

/** One layer's refresh, of what one batch has shown it: a window closes with its refresh. */
function refreshUnder(method: Method): Work {
  const backend = cpuBackend('float32');
  const layer = layerUnder(method, backend, { inputs: INPUTS, outputs: 64 });
  const X = denseRows(backend, normal('float32', 1024, INPUTS, 1));
  return { prepare: () => layer.observe({ X, examples: X.count }), run: () => layer.refresh() };
}

const refresh: Reach = {
  key: 'refresh10.foof',
  measure: (budget) => {
    const nysact = refreshUnder(nysactMethod({ rank: RANK, damping: 1 }));
    const foof = refreshUnder(foofMethod({ damping: 1 }));
    const pair = timePair(nysact, foof, budget);
    const name = `a NysAct refresh (r=${RANK}, p=${INPUTS}) against a FOOF refresh`;
    return { key: 'refresh10.foof', name, value: pair.ratio, aim: { least: 30 }, pair };
  },
};

const payload: Reach = {
  key: 'wasm.gzipBytes',
  measure: () => {
    const bytes = Object.values(BINARIES).map((text) => Buffer.from(text, 'base64'));
    const value = gzipSync(Buffer.concat(bytes), { level: 9 }).length;
    return {
      key: 'wasm.gzipBytes',
      name: 'WebAssembly, all variants, gzipped bytes',
      value,
      aim: { most: 20_000 },
    };
  },
};

/** The shares of the calibration loop, which another Node version is asked for too. */
export function peaks(least: { readonly f32: number; readonly f64: number }): Reach[] {
  return [peak('float32', least.f32), peak('float64', least.f64)];
}

/** Every figure that one thread of this process reaches. */
export function reaches(tf: TensorFlow): Reach[] {
  return [
    ...peaks({ f32: 0.78, f64: 0.77 }),
    productAgainstMlMatrix('float32', 45),
    productAgainstMlMatrix('float64', 22),
    productAgainstTfjs(tf, 512, 1.25),
    productAgainstTfjs(tf, 64, 1.5),
    syrkAgainstTfjs(tf),
    sketchAgainstTfjs(tf),
    factorisation('cholesky577.f64.mlMatrix', 'Cholesky', 577, 25, cholesky, (M) => {
      return new CholeskyDecomposition(M);
    }),
    factorisation('cholesky1153.f64.mlMatrix', 'Cholesky', 1153, 25, cholesky, (M) => {
      return new CholeskyDecomposition(M);
    }),
    factorisation('inverse577.f64.mlMatrix', 'SPD inverse', 577, 40, spdInverse, (M) => inverse(M)),
    factorisation('eigh577.f64.mlMatrix', 'symmetric eigenproblem', 577, 5, eigh, (M) => {
      return new EigenvalueDecomposition(M, { assumeSymmetric: true });
    }),
    alternating,
    refresh,
    payload,
  ];
}
