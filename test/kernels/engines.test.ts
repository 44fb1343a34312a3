// Every WebAssembly kernel against the same in plain TypeScript, on views of any shape.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { EPSILON } from '../../src/core/dtype.js';
import {
  convert,
  type DenseMatrix,
  identity,
  type Matrix64,
  type Op,
  zeros,
} from '../../src/core/matrix.js';
import { randomKey } from '../../src/core/random.js';
import type { Kernels, RotationList, SketchMatrix } from '../../src/kernels/kernels.js';
import { frobeniusNorm } from '../../src/kernels/level1.js';
import { scalarKernels } from '../../src/kernels/scalar/index.js';
import { BOUNDS, boundedKernels } from '../../src/kernels/wasm/bounded.js';
import { wasmKernels } from '../../src/kernels/wasm/index.js';
import { compile, instantiate, isSupported } from '../../src/kernels/wasm/instance.js';
import {
  DTYPES,
  fill,
  framed,
  integers,
  matrix,
  OP_PAIRS,
  OPS,
  operand,
  reals,
} from './support.js';

const variants = (['strict', 'relaxed'] as const).filter(isSupported);
const size = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 10, max: 70 }));
const seed = fc.integer({ min: 0, max: 2 ** 30 });
const factor = fc.constantFrom(0, 1, -0.5);
const ops = fc.constantFrom(...OP_PAIRS);

/** Roundings that a kernel may add to each term of a sum, on both sides of the comparison. */
const C = 4;

/** Fails where ‖A − B‖F exceeds `limit`, or is NaN. */
function expectNear(A: DenseMatrix, B: DenseMatrix, limit: number): void {
  const difference = convert(A, 'float64');
  fill(difference, (i, j) => A.at(i, j) - B.at(i, j));
  const error = frobeniusNorm(difference);
  if (!(error <= limit)) expect.fail(`they differ by ${error}, expected at most ${limit}`);
}

/** A well-conditioned lower triangle: its diagonal outweighs its rows. */
function triangle(n: number, element: () => number) {
  return (i: number, j: number): number => (i === j ? 2 + Math.abs(element()) : element() / n);
}

test('Node 24 has both variants', () => {
  const [major] = process.versions.node.split('.').map(Number);
  expect(variants).toEqual(
    major >= 24 ? ['strict', 'relaxed'] : expect.arrayContaining(['strict']),
  );
});

describe.each(variants)('%s kernels', (variant) => {
  const module = compile(variant);
  const wasm = wasmKernels(() => instantiate(module));

  /** Runs one kernel of each set on operands of their own; `run` gives what it wrote. */
  function both(run: (kernels: Kernels) => DenseMatrix): [DenseMatrix, DenseMatrix] {
    return [run(wasm), run(scalarKernels)];
  }

  describe.each(DTYPES)('in %s', (dtype) => {
    const eps = EPSILON[dtype];

    /** Integers whose sums are exact: both sets of kernels give the same product. */
    function expectExact(
      [m, k, n]: readonly [number, number, number],
      [opA, opB]: readonly [Op, Op],
      s: number,
    ): void {
      const [one, other] = both((kernels) => {
        const element = integers(s);
        const A = operand(dtype, opA, m, k, element);
        const B = operand(dtype, opB, k, n, element);
        const result = matrix(dtype, m, n, element);
        kernels.product(2, A, opA, B, opB, -3, result, false);
        return result;
      });
      expectNear(one, other, 0);
    }

    test.prop([size, size, size, ops, factor, factor, fc.boolean(), seed], {
      numRuns: 300,
    })('product', (m, k, columns, [opA, opB], alpha, beta, lowerOnly, s) => {
      const n = lowerOnly ? m : columns;
      const [one, other] = both((kernels) => {
        const element = reals(s);
        const A = framed(dtype, opA === 'N' ? m : k, opA === 'N' ? k : m, element);
        const B = framed(dtype, opB === 'N' ? k : n, opB === 'N' ? n : k, element);
        const result = framed(dtype, m, n, element);
        kernels.product(alpha, A.A, opA, B.A, opB, beta, result.A, lowerOnly);
        for (const frame of [A, B, result]) frame.expectFrameIntact();
        return result.A;
      });
      expectNear(one, other, C * eps * (k + 2) * Math.sqrt(m * n));
    });

    test.each([
      [119, 121, 257],
      [121, 513, 255],
      [241, 1025, 7],
      [60, 511, 513],
      [130, 33, 300],
      [500, 32, 256],
    ])('product around the edges of blocks: %i×%i, depth %i', (m, n, k) => {
      for (const pair of OP_PAIRS) expectExact([m, k, n], pair, m + n + k);
    });

    test.each(OPS)('strips of a product give the bits of the whole, %s', (op) => {
      const inside = { kernels: wasm, bytes: () => 0 };
      const strips = boundedKernels(() => inside, { ...BOUNDS, width: 30, triangle: 20 });
      const flipped = op === 'N' ? 'T' : 'N';
      for (const lowerOnly of [false, true]) {
        const [one, other] = [strips, wasm].map((kernels) => {
          const X = matrix(dtype, 70, 70, reals(1));
          const result = framed(dtype, 70, 70, reals(2));
          kernels.product(0.5, X, op, X, flipped, -2, result.A, lowerOnly);
          result.expectFrameIntact();
          return result.A.clone();
        });
        expect(one.data).toEqual(other.data);
      }
    });

    test.prop([size, size, size, ops, seed], { numRuns: 100 })(
      'product of integers, exactly',
      (m, k, n, pair, s) => expectExact([m, k, n], pair, s),
    );

    test.prop([fc.integer({ min: 1, max: 300 }), size, size, factor, fc.boolean(), seed], {
      numRuns: 200,
    })('sketchMoment', (m, p, columns, beta, isDense, s) => {
      const r = Math.min(columns, p);
      const [one, other] = both((kernels) => {
        const element = reals(s);
        const X = framed(dtype, m, p, element);
        const S = framed(dtype, p, r, element);
        const indices = Int32Array.from({ length: r }, () => Math.floor(p * Math.abs(element())));
        const sketch: SketchMatrix = isDense
          ? { kind: 'dense', S: S.A }
          : { kind: 'columns', indices };
        const result = framed(dtype, p, r, element);
        kernels.sketchMoment(1 / m, X.A, sketch, beta, result.A);
        for (const frame of [X, S, result]) frame.expectFrameIntact();
        return result.A;
      });
      expectNear(one, other, C * eps * (m + p) * (p + 1) * Math.sqrt(p * r));
    });

    test.prop([size, size, fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })], {
      numRuns: 100,
    })('normal numbers, to the last bit', (p, r, s) => {
      const [one, other] = both((kernels) => {
        const S = framed(dtype, p, r, () => 0);
        kernels.fillNormal(randomKey(s), 0.7, S.A);
        S.expectFrameIntact();
        return S.A.clone();
      });
      expect(one.data).toEqual(other.data);
    });

    test.prop(
      [size, size, fc.constantFrom('left', 'right'), fc.constantFrom(...OPS), factor, seed],
      { numRuns: 200 },
    )('solve', (n, m, side, op, alpha, s) => {
      if (alpha === 0) return;
      const [one, other] = both((kernels) => {
        const element = reals(s);
        const L = framed(dtype, n, n, triangle(n, element));
        const B = side === 'left' ? framed(dtype, n, m, element) : framed(dtype, m, n, element);
        kernels.solve(side, op, alpha, L.A, B.A);
        for (const frame of [L, B]) frame.expectFrameIntact();
        return B.A;
      });
      // ‖L⁻¹‖ < 1 and the condition of L is below 5: its diagonal is at least 2, its rows sum to less.
      expectNear(one, other, C * eps * n * 5 * Math.sqrt(n * m));
    });

    test.prop([fc.integer({ min: 1, max: 150 }), seed], { numRuns: 60 })(
      'Cholesky and inverse',
      (n, s) => {
        const L = matrix(dtype, n, n, triangle(n, reals(s)));
        fill(L, (i, j) => (j > i ? 0 : L.at(i, j)));
        const A = zeros(dtype, n, n);
        scalarKernels.product(1, L, 'N', L, 'T', 0, A, false);
        const [one, other] = both((kernels) => {
          const frame = framed(dtype, n, n, (i, j) => A.at(i, j));
          expect(kernels.cholesky(frame.A, frame.A)).toBeUndefined();
          frame.expectFrameIntact();
          return frame.A;
        });
        expectNear(one, other, C * eps * n * 25 * frobeniusNorm(L));
        const [apart] = both((kernels) => {
          const [from, to] = [
            framed(dtype, n, n, (i, j) => A.at(i, j)),
            framed(dtype, n, n, A.at.bind(A)),
          ];
          expect(kernels.cholesky(from.A, to.A)).toBeUndefined();
          for (const frame of [from, to]) frame.expectFrameIntact();
          return to.A;
        });
        expectNear(apart, one, 0);
        const [inverse, expected] = both((kernels) => {
          const B = framed(dtype, n, n, () => 0);
          kernels.invertFactored(L.clone(), B.A);
          B.expectFrameIntact();
          return B.A;
        });
        // The condition of A is below 5².
        expectNear(inverse, expected, C * eps * n * 25 * frobeniusNorm(expected));
      },
    );

    test.prop([fc.integer({ min: 1, max: 150 }), seed], { numRuns: 40 })(
      'the first pivot that is not positive and finite',
      (n, s) => {
        const random = reals(s);
        const pivot = Math.floor(n * Math.abs(random()));
        const broken = [-1, 0, Number.NaN, Number.POSITIVE_INFINITY][
          Math.floor(4 * Math.abs(random()))
        ];
        const failed = [wasm, scalarKernels].map((kernels) => {
          const A = identity(dtype, n);
          A.set(pivot, pivot, broken);
          return kernels.cholesky(A, A);
        });
        expect(failed[0]).toEqual({ index: pivot, value: broken });
        expect(failed[1]).toEqual({ index: pivot, value: broken });
      },
    );
  });

  const eps64 = EPSILON.float64;

  test.prop([size, size, seed], { numRuns: 100 })(
    'reflections of a QR factorisation, and their product',
    (columns, more, s) => {
      const [n, m] = [columns, columns + more];
      const A = matrix('float64', n, m, reals(s));
      const results = [wasm, scalarKernels].map((kernels) => {
        const [At, Rt, Qt] = [A.clone(), zeros('float64', n, n), zeros('float64', n, m)];
        kernels.factorColumns(At, Qt, Rt);
        return { Rt, Qt };
      });
      // QR itself is stable where A is not: what is compared is the product, RᵀQᵀ = Aᵀ.
      for (const { Rt, Qt } of results) {
        const product: Matrix64 = zeros('float64', n, m);
        scalarKernels.product(1, Rt, 'N', Qt, 'N', 0, product, false);
        expectNear(product, A, C * eps64 * n * m * frobeniusNorm(A));
        const gram = zeros('float64', n, n);
        scalarKernels.product(1, Qt, 'N', Qt, 'T', 0, gram, false);
        expectNear(gram, identity('float64', n), C * eps64 * n * m);
      }
    },
  );

  test.prop([fc.integer({ min: 1, max: 90 }), seed], { numRuns: 60 })(
    'reduction to tridiagonal form',
    (n, s) => {
      const X = matrix('float64', n, n, reals(s));
      const A = zeros('float64', n, n);
      scalarKernels.product(1, X, 'N', X, 'T', 0, A, false);
      for (const kernels of [wasm, scalarKernels]) {
        const [W, diagonal, off] = [A.clone(), new Float64Array(n), new Float64Array(n)];
        kernels.tridiagonalise(W, diagonal, off);
        const Qt = identity('float64', n);
        if (n > 2) kernels.accumulate(W.view(0, 1, n - 2, n - 1), Qt.view(1, 1, n - 1, n - 1));
        const T = matrix('float64', n, n, (i, j) =>
          i === j ? diagonal[i] : Math.abs(i - j) === 1 ? off[Math.min(i, j)] : 0,
        );
        const [TQt, QTQt] = [zeros('float64', n, n), zeros('float64', n, n)];
        scalarKernels.product(1, T, 'N', Qt, 'N', 0, TQt, false);
        scalarKernels.product(1, Qt, 'T', TQt, 'N', 0, QTQt, false);
        expectNear(QTQt, A, C * eps64 * n * n * frobeniusNorm(A));
      }
    },
  );

  test.prop([fc.integer({ min: 2, max: 60 }), size, fc.integer({ min: 1, max: 200 }), seed], {
    numRuns: 100,
  })('rotations', (n, m, count, s) => {
    const random = reals(s);
    // Mostly chains that go up, as QL makes them, broken now and then.
    let row = 0;
    const angles = Float64Array.from({ length: count }, () => 3 * random());
    const list: RotationList = {
      rows: Int32Array.from({ length: count }, () => {
        row = row === 0 || random() > 0.8 ? Math.floor((n - 1) * Math.abs(random())) : row - 1;
        return row;
      }),
      cosines: angles.map(Math.cos),
      sines: angles.map(Math.sin),
      count,
    };
    const Z = matrix('float64', n, m, random);
    const [one, other] = both((kernels) => {
      const frame = framed('float64', n, m, (i, j) => Z.at(i, j));
      kernels.rotate(frame.A, list);
      frame.expectFrameIntact();
      return frame.A;
    });
    expectNear(one, other, C * eps64 * count * frobeniusNorm(Z));
  });

  test('100,000 normal numbers, far into the tails, to the last bit', () => {
    const [one, other] = both((kernels) => {
      const S = zeros('float64', 100_000, 1);
      kernels.fillNormal(randomKey(5), 1, S);
      return S;
    });
    expect(one.data).toEqual(other.data);
    // Seven of 10⁵ lie beyond 4σ: those of the central branch alone would prove little.
    expect(one.data.some((z) => Math.abs(z) > 4)).toBe(true);
  });
});

test('what is too large to be inside is left to plain TypeScript', () => {
  const inside = new Proxy(scalarKernels, {
    get: (_, name) => () => expect.fail(`${String(name)} was called`),
  });
  const bounds = { ...BOUNDS, elements: 1 };
  const outside = boundedKernels(() => ({ kernels: inside, bytes: () => 0 }), bounds);
  const A = matrix('float64', 2, 2, (i, j) => (i === j ? 4 : 1));
  const L = A.clone();
  expect(outside.cholesky(A, L)).toBeUndefined();
  expect(L.at(0, 0)).toBe(2);
  const B = identity('float64', 2);
  outside.solve('left', 'N', 1, L, B);
  expect(B.at(0, 0)).toBe(0.5);
  const moment = zeros('float64', 2, 1);
  outside.sketchMoment(1, A, { kind: 'columns', indices: Int32Array.of(0) }, 0, moment);
  expect(moment.data).toEqual(Float64Array.of(17, 8));
  const inverse = zeros('float64', 2, 2);
  outside.invertFactored(L, inverse);
  expect(inverse.at(0, 0)).toBeCloseTo(4 / 15, 14);
  outside.fillNormal(randomKey(1), 1, B);
  outside.factorColumns(A.clone(), zeros('float64', 2, 2), zeros('float64', 2, 2));
  outside.accumulate(identity('float64', 2), zeros('float64', 2, 2));
  outside.tridiagonalise(A.clone(), new Float64Array(2), new Float64Array(2));
  const none = {
    rows: new Int32Array(0),
    cosines: new Float64Array(0),
    sines: new Float64Array(0),
  };
  outside.rotate(B, { ...none, count: 0 });
});
