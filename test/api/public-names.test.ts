// The public names: a change of them must be deliberate.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as gpu from '../../src/backend/gpujs/index.js';
import * as nysact from '../../src/index.js';
import * as linalg from '../../src/linalg/index.js';
import * as mlMatrix from '../../src/ml-matrix.js';
import * as random from '../../src/random.js';
import * as tfjs from '../../src/tfjs/index.js';

test('installing GPU.js for these tests compiles nothing', () => {
  // Its optional dependency gl would, for minutes, wherever X headers are installed.
  const { overrides } = JSON.parse(readFileSync('package.json', 'utf8'));
  expect(overrides).toEqual({ gl: 'npm:empty-npm-package@1.0.0' });
});

describe('the names that exist at run time', () => {
  test('of nysact', () => {
    expect(Object.keys(nysact).toSorted()).toEqual([
      'DenseMatrix',
      'EPSILON',
      'NonFiniteError',
      'NotConvergedError',
      'NotPositiveDefiniteError',
      'Optimizer',
      'PreconditionerError',
      'Workspace',
      'activationSketch',
      'activations',
      'adam',
      'adamw',
      'addWeightDecay',
      'applyLowRankInverse',
      'asMatrix',
      'backendInfo',
      'chain',
      'clipByGlobalNorm',
      'constant',
      'convert',
      'convolutionOutput',
      'cosine',
      'cpuBackend',
      'cpuEngine',
      'drawSketch',
      'effectiveDimension',
      'engineFrom',
      'eva',
      'evaPreconditioner',
      'extractPatches',
      'flattenSequences',
      'foof',
      'foofPreconditioner',
      'freeObservation',
      'identity',
      'initKernels',
      'kernelInfo',
      'kfac',
      'kfacPreconditioner',
      'lowRankInverse',
      'nysact',
      'nysactPreconditioner',
      'nystromEigenpairs',
      'observation',
      'openPool',
      'outputGradientRows',
      'outputGradients',
      'precondition',
      'readNow',
      'referenceEigenpairs',
      'scaleByAdam',
      'scaleByLearningRate',
      'sgd',
      'stateless',
      'stepDecay',
      'trace',
      'upload',
      'useKernels',
      'warmUp',
      'withSlots',
      'zeros',
    ]);
  });

  test('of nysact/linalg', () => {
    expect(Object.keys(linalg).toSorted()).toEqual([
      'axpby',
      'cholesky',
      'choleskyInPlace',
      'dot',
      'eigh',
      'eigvalsh',
      'frobeniusNorm',
      'gemm',
      'scale',
      'solveCholesky',
      'spdInverse',
      'syrk',
      'thinQr',
      'transpose',
      'trsm',
    ]);
  });

  test('of nysact/random', () => {
    expect(Object.keys(random).toSorted()).toEqual([
      'fillNormal',
      'fillUniform',
      'foldIn',
      'permutation',
      'randomKey',
      'sampleWithoutReplacement',
    ]);
  });

  test('of nysact/ml-matrix', () => {
    expect(Object.keys(mlMatrix).toSorted()).toEqual(['fromMlMatrix', 'toMlMatrix']);
  });

  test('of nysact/tfjs', () => {
    expect(Object.keys(tfjs).toSorted()).toEqual([
      'adam',
      'adamw',
      'eva',
      'foof',
      'kfac',
      'makeOptimizer',
      'nysact',
      'registerOptimizers',
      'sgd',
      'tfjsEngine',
    ]);
  });

  test('of nysact/gpu', () => {
    expect(Object.keys(gpu).toSorted()).toEqual([
      'GpuContextLostError',
      'GpuDisposedError',
      'GpuFallbackError',
      'GpuPrecisionError',
      'GpuUnavailableError',
      'gpuBackend',
    ]);
  });

  test('are those of the package: its entries are these files', () => {
    const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(exports).toEqual({
      '.': { types: './dist/index.d.ts', default: './dist/index.js' },
      './linalg': { types: './dist/linalg/index.d.ts', default: './dist/linalg/index.js' },
      './random': { types: './dist/random.d.ts', default: './dist/random.js' },
      './ml-matrix': { types: './dist/ml-matrix.d.ts', default: './dist/ml-matrix.js' },
      './tfjs': { types: './dist/tfjs/index.d.ts', default: './dist/tfjs/index.js' },
      './gpu': {
        types: './dist/backend/gpujs/index.d.ts',
        default: './dist/backend/gpujs/index.js',
      },
      './worker': {
        types: './dist/kernels/pool/worker.d.ts',
        default: './dist/kernels/pool/worker.js',
      },
      './package.json': './package.json',
    });
  });
});
