// Routines that take a workspace compute the same bits in it, whatever it held, and keep none of it.

import { describe, expect, test } from 'vitest';
import type { DType } from '../../src/core/dtype.js';
import { convert, zeros } from '../../src/core/matrix.js';
import { randomKey } from '../../src/core/random.js';
import { Workspace } from '../../src/core/workspace.js';
import { invertSpd, spdInverse } from '../../src/linalg/cholesky.js';
import { eigh, eigvalsh } from '../../src/linalg/eigh.js';
import { thinQr } from '../../src/linalg/qr.js';
import { nystromEigenpairs } from '../../src/nystrom/factor.js';
import { dampedInverse } from '../../src/precondition/dense-inverse.js';
import { publishedEigenpairs } from '../../src/published/factor.js';
import { drawSketch } from '../../src/sketch/distributions.js';
import { denseSketch } from '../../src/sketch/sketch.js';
import { gaussian, product, uniform } from '../support/matrices.js';

const [P, R] = [40, 6];
/** More than any routine below takes. */
const ELEMENTS = 20 * P * P;

/** Fills what it will lend with NaN. */
function spoil(workspace: Workspace): void {
  for (let round = 0; round < 2; round++) {
    workspace.scope(() => {
      workspace.take('float32', 1, ELEMENTS).data.fill(Number.NaN);
      workspace.take('float64', 1, ELEMENTS).data.fill(Number.NaN);
    });
  }
}

describe.each<DType>(['float32', 'float64'])('in %s', (dtype) => {
  const G = gaussian(uniform(1), 2 * P, P);
  const A = convert(product(G, 'T', G, 'N'), dtype);
  const sketches = (['gaussian', 'subcolumn'] as const).map((kind) => {
    const sketch = drawSketch(kind, { inputs: P, width: R }, dtype, randomKey(2));
    const AS = product(convert(A, 'float64'), 'N', denseSketch(sketch, 'float64'), 'N');
    return { sketch, C: convert(AS, dtype) };
  });
  const small = A.view(0, 0, R, R);
  const tall = A.view(0, 0, P, R);

  const routines: readonly (readonly [string, (workspace?: Workspace) => unknown])[] = [
    ['thinQr', (workspace) => thinQr(tall, workspace)],
    ['eigh by rotations', (workspace) => eigh(small, {}, workspace)],
    ['eigh by QL', (workspace) => eigh(A, {}, workspace)],
    ['eigvalsh', (workspace) => eigvalsh(A, {}, workspace)],
    ['spdInverse', (workspace) => spdInverse(A, workspace)],
    [
      'invertSpd',
      (workspace) => {
        const B = zeros(dtype, P, P);
        invertSpd(A, B, workspace);
        return B;
      },
    ],
    ['dampedInverse', (workspace) => dampedInverse(A, 0.5, workspace)],
    ...sketches.flatMap(({ sketch, C }) => [
      [
        `nystromEigenpairs, ${sketch.kind}`,
        (workspace?: Workspace) => nystromEigenpairs(C, sketch, { rank: R - 1 }, workspace),
      ] as const,
      [
        `publishedEigenpairs, ${sketch.kind}`,
        (workspace?: Workspace) => publishedEigenpairs(C, sketch, 0.5, workspace),
      ] as const,
    ]),
  ];

  test.each(sketches)('U goes where the caller wants it, $sketch.kind', ({ sketch, C }) => {
    for (const M of [C, zeros(dtype, P, R)]) {
      const U = zeros('float64', P, R);
      U.data.fill(Number.NaN);
      const pairs = nystromEigenpairs(M, sketch, { U });
      expect(pairs.U).toBe(U);
      expect(pairs).toEqual(nystromEigenpairs(M, sketch));
    }
    expect(() => nystromEigenpairs(C, sketch, { U: zeros('float64', P, R - 1) })).toThrow(
      new RangeError(`nystromEigenpairs: U is ${P}×${R - 1}, expected ${P}×${R}`),
    );
  });

  test.each(routines)('%s', (_name, run) => {
    const workspace = new Workspace();
    spoil(workspace);
    const result = run(workspace);
    spoil(workspace);
    expect(result).toEqual(run());
  });
});
