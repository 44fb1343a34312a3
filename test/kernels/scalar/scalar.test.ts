// What the kernels in plain TypeScript promise beyond what all kernels do.

import { expect, test } from 'vitest';
import { convert, zeros } from '../../../src/core/matrix.js';
import { scalarKernels } from '../../../src/kernels/scalar/index.js';
import { matrix, reals } from '../support.js';

test('up to 256 terms, a float32 product is the float64 product rounded once', () => {
  const element = reals(11);
  const A = matrix('float32', 20, 256, element);
  const B = matrix('float32', 256, 15, element);
  const C = zeros('float32', 20, 15);
  const exact = zeros('float64', 20, 15);
  scalarKernels.product(1, A, 'N', B, 'N', 0, C, false);
  const [A64, B64] = [convert(A, 'float64'), convert(B, 'float64')];
  scalarKernels.product(1, A64, 'N', B64, 'N', 0, exact, false);
  expect(C.data).toEqual(convert(exact, 'float32').data);
});
