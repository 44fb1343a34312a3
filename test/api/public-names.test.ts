// The public names: a change of them must be deliberate.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as gpu from '../../src/backend/gpujs/index.js';
import * as nysact from '../../src/index.js';
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
      'activationSketch',
      'activations',
      'adam',
      'adamw',
      'addWeightDecay',
      'applyLowRankInverse',
      'asMatrix',
      'axpby',
      'chain',
      'cholesky',
      'choleskyInPlace',
      'clipByGlobalNorm',
      'constant',
      'convert',
      'convolutionOutput',
      'cosine',
      'cpuBackend',
      'cpuEngine',
      'dot',
      'drawSketch',
      'effectiveDimension',
      'eigh',
      'eigvalsh',
      'engineFrom',
      'eva',
      'evaPreconditioner',
      'extractPatches',
      'fillNormal',
      'fillUniform',
      'flattenSequences',
      'foldIn',
      'foof',
      'foofPreconditioner',
      'freeObservation',
      'frobeniusNorm',
      'fromMlMatrix',
      'gemm',
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
      'permutation',
      'precondition',
      'randomKey',
      'readNow',
      'referenceEigenpairs',
      'sampleWithoutReplacement',
      'scale',
      'scaleByAdam',
      'scaleByLearningRate',
      'sgd',
      'solveCholesky',
      'spdInverse',
      'stateless',
      'stepDecay',
      'syrk',
      'thinQr',
      'toMlMatrix',
      'trace',
      'transpose',
      'trsm',
      'upload',
      'useKernels',
      'warmUp',
      'withSlots',
      'zeros',
    ]);
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
      'GpuDTypeError',
      'GpuDisposedError',
      'GpuFallbackError',
      'GpuPrecisionError',
      'GpuUnavailableError',
      'gpuBackend',
      'hybridBackend',
      'measureCrossover',
    ]);
  });

  test('are those of the package: its entries are these three files', () => {
    const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(exports).toEqual({
      '.': { types: './dist/index.d.ts', default: './dist/index.js' },
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
