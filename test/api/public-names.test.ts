// The public names: a change of them must be deliberate, and every export must say what it is.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as nysact from '../../src/index.js';
import * as tfjs from '../../src/tfjs/index.js';

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
      'kfac',
      'kfacPreconditioner',
      'lowRankInverse',
      'nysact',
      'nysactPreconditioner',
      'nystromEigenpairs',
      'observation',
      'outputGradientRows',
      'outputGradients',
      'permutation',
      'precondition',
      'randomKey',
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
      'warmUp',
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

  test('are those of the package: its entries are these two files', () => {
    const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(exports).toEqual({
      '.': { types: './dist/index.d.ts', default: './dist/index.js' },
      './tfjs': { types: './dist/tfjs/index.d.ts', default: './dist/tfjs/index.js' },
      './package.json': './package.json',
    });
  });
});

/** What a file declares and exports, and of that, what no docstring stands before. */
function exportsOf(text: string): { readonly all: string[]; readonly undocumented: string[] } {
  const lines = text.split('\n');
  const declaration =
    /^export (?:abstract |async |declare )?(?:function\*?|class|const|interface|type) (\w+)/;
  const all = new Set<string>();
  const undocumented: string[] = [];
  lines.forEach((line, i) => {
    const name = declaration.exec(line)?.[1];
    // The overloads of a function have the docstring of the first.
    if (name === undefined || all.has(name)) return;
    all.add(name);
    if (i === 0 || !lines[i - 1].endsWith('*/')) undocumented.push(name);
  });
  return { all: [...all], undocumented };
}

describe('docstrings', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join('src', name));

  test.each(files)('stand before all exports of %s', (file) => {
    expect(exportsOf(readFileSync(file, 'utf8')).undocumented).toEqual([]);
  });

  test('are looked for where exports are', () => {
    const all = files.flatMap((file) => exportsOf(readFileSync(file, 'utf8')).all);
    expect(all).toEqual(expect.arrayContaining(Object.keys(nysact)));
    const text = '/** A. */\nexport function a(): void;\nexport function a(): void {}\n';
    expect(exportsOf(`${text}\nexport class B {}\n// C.\nexport const c = 1;\n`)).toEqual({
      all: ['a', 'B', 'c'],
      undocumented: ['B', 'c'],
    });
  });

  test.each(files)('%s states its purpose in its first line', (file) => {
    expect(readFileSync(file, 'utf8')).toMatch(/^\/\/ [A-Z].+/);
  });
});
