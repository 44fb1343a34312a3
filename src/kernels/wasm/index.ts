// The kernels in WebAssembly SIMD: blocks of the operands are copied in, and results copied out.

import { BYTES, type DType } from '../../core/dtype.js';
import type { FailedPivot, Kernels } from '../kernels.js';
import { rescale } from '../level1.js';
import { BOUNDS, type Bounds, boundedKernels, DEPTH, type Inside } from './bounded.js';
import { factorInParts, multiplyInParts } from './divided.js';
import type { Exports, Instance } from './instance.js';
import { LinearMemory } from './memory.js';
import { Refusal } from './refusal.js';
import { parts } from './split.js';
import { alone, type Team } from './team.js';

/** Rows of X that are sketched while they are in the second-level cache: at most, and of a very wide X. */
const SKETCH_ROWS = 128;
const FEWEST_ROWS = 16;

/** Reflections of a block, and columns of a strip of rotations, as ../assembly has them. */
const REFLECTIONS = 32;
const STRIP = 16;

/** The exports for one dtype. */
interface Typed {
  readonly product: Exports['product32'];
  readonly fillNormal: Exports['fillNormal32'];
  readonly solve: Exports['solve32'];
  readonly invert: Exports['invert32'];
}

/**
 * The kernels of the instances that `start` makes: one at a time, and a new one after a call that needed
 * more memory than is worth keeping.
 */
export function wasmKernels(start: () => Instance, bounds: Bounds = BOUNDS): Kernels {
  return boundedKernels(() => {
    const instance = start();
    return insideKernels(instance, alone(instance.exports), bounds.area);
  }, bounds);
}

/**
 * The kernels of an instance whose memory a team shares: large products, solves and Cholesky
 * factorisations are cut into parts, to the same bits as without. If the team breaks, `instead` computes.
 */
export function sharedKernels(instance: Instance, team: Team, instead: () => Kernels): Kernels {
  const inside = insideKernels(instance, team, BOUNDS.area);
  return boundedKernels(() => inside, { ...BOUNDS, kept: Infinity }, instead);
}

/** `limit` is how many elements of an operand are inside at a time, where they need not be as a whole. */
function insideKernels({ exports, memory }: Instance, team: Team, limit: number): Inside {
  const linear = new LinearMemory(memory);
  const workspace = exports.workspace();
  const hands = { exports, team, stride: workspace };
  const typed: Readonly<Record<DType, Typed>> = {
    float32: {
      product: exports.product32,
      fillNormal: exports.fillNormal32,
      solve: exports.solve32,
      invert: exports.invert32,
    },
    float64: {
      product: exports.product64,
      fillNormal: exports.fillNormal64,
      solve: exports.solve64,
      invert: exports.invert64,
    },
  };

  const kernels: Kernels = {
    product(alpha, A, opA, B, opB, beta, C, lowerOnly) {
      const { dtype, rows: m, cols: n } = C;
      const k = opA === 'N' ? A.cols : A.rows;
      const chunk = Math.min(k, DEPTH * Math.max(1, Math.floor(limit / Math.max(m, n) / DEPTH)));
      const same = A === B && opA !== opB && m === n;
      const work = linear.begin(team.size * workspace);
      const a = linear.take(dtype, m * chunk);
      const b = same ? a : linear.take(dtype, n * chunk);
      const c = linear.take(dtype, m * n);
      linear.commit();
      if (beta !== 0) linear.load(C, 0, m, 0, n, c);
      for (let p0 = 0; p0 < k; p0 += chunk) {
        const depth = Math.min(chunk, k - p0);
        if (opA === 'N') linear.load(A, 0, m, p0, depth, a);
        else linear.load(A, p0, depth, 0, m, a);
        if (!same) {
          if (opB === 'N') linear.load(B, p0, depth, 0, n, b);
          else linear.load(B, 0, n, p0, depth, b);
        }
        // No arrays and no objects here: a small product would spend its time on them.
        const rsA = opA === 'N' ? depth : 1;
        const csA = opA === 'N' ? 1 : m;
        const rsB = opB === 'N' ? n : 1;
        const csB = opB === 'N' ? 1 : depth;
        const kept = p0 === 0 ? beta : 1;
        const flops = (lowerOnly ? 1 : 2) * m * n * depth;
        if (parts(flops, team.size) === 1) {
          const { product } = typed[dtype];
          const reach = lowerOnly ? 1 : n;
          product(m, n, depth, alpha, a, rsA, csA, b, rsB, csB, kept, c, n, reach, work);
        } else {
          const product = { m, n, k: depth, alpha, a, rsA, csA, b, rsB, csB, beta: kept, c };
          multiplyInParts(hands, dtype, { ...product, ldc: n, lowerOnly }, work);
        }
      }
      // With |α| < 1 the sum may have overflowed where its product with α is in range.
      if (dtype === 'float32' && Math.abs(alpha) < 1) checkRange(m, n, c, lowerOnly ? 1 : n);
      if (lowerOnly) linear.storeLower(C, c, n);
      else linear.store(C, 0, m, 0, n, c);
    },

    sketchMoment(alpha, X, sketch, beta, C) {
      const { dtype, rows: p, cols: r } = C;
      const { product } = typed[dtype];
      const room = Math.max(limit, p * r);
      const most = Math.max(FEWEST_ROWS, Math.min(SKETCH_ROWS, Math.floor(room / p)));
      const height = Math.min(X.rows, most);
      const width = Math.min(p, DEPTH * Math.ceil(room / height / DEPTH));
      // A row stride of a power of two would send the rows of a block to the same cache lines.
      const ldx = width % 128 === 0 ? width + 16 : width;
      const work = linear.begin(workspace);
      const block = linear.take(dtype, height * ldx);
      const S = linear.take(dtype, sketch.kind === 'dense' ? p * r : 0);
      const to = linear.take(dtype, p * r);
      const Y = linear.take(dtype, height * r);
      linear.commit();
      if (sketch.kind === 'dense') linear.load(sketch.S, 0, p, 0, r, S);
      if (beta !== 0) linear.load(C, 0, p, 0, r, to);
      const row = r * BYTES[dtype];
      for (let i0 = 0; i0 < X.rows; i0 += height) {
        const rows = Math.min(height, X.rows - i0);
        const kept = i0 === 0 ? beta : 1;
        // The strip of X that is inside: the last one of XS is the first one of Xᵀ(XS).
        let j0 = 0;
        let cols = Math.min(width, p);
        if (sketch.kind === 'columns') {
          linear.gather(X, i0, rows, sketch.indices, Y);
          linear.load(X, i0, rows, j0, cols, block, ldx);
        } else {
          for (let from = 0; from < p; from += width) {
            j0 = from;
            cols = Math.min(width, p - from);
            linear.load(X, i0, rows, j0, cols, block, ldx);
            const sum = j0 === 0 ? 0 : 1;
            product(rows, r, cols, 1, block, ldx, 1, S + j0 * row, r, 1, sum, Y, r, r, work);
          }
        }
        const inside = j0;
        product(cols, r, rows, alpha, block, 1, ldx, Y, r, 1, kept, to + j0 * row, r, r, work);
        for (let from = 0; from < p; from += width) {
          if (from === inside) continue;
          cols = Math.min(width, p - from);
          linear.load(X, i0, rows, from, cols, block, ldx);
          product(cols, r, rows, alpha, block, 1, ldx, Y, r, 1, kept, to + from * row, r, r, work);
        }
      }
      if (dtype === 'float32') checkRange(p, r, to, r);
      linear.store(C, 0, p, 0, r, to);
    },

    fillNormal({ low, high }, factor, S) {
      const { dtype, rows: p, cols: r } = S;
      const work = linear.begin(workspace);
      const to = linear.take(dtype, p * r);
      linear.commit();
      typed[dtype].fillNormal(low, high, factor, p, r, to, work);
      linear.store(S, 0, p, 0, r, to);
    },

    solve(side, op, alpha, L, B) {
      const n = L.rows;
      const left = side === 'left';
      const sides = left ? B.cols : B.rows;
      const width = Math.min(sides, Math.max(1, Math.floor(limit / n)));
      const work = linear.begin(workspace);
      const from = linear.take(L.dtype, n * n);
      const X = linear.take(B.dtype, n * width);
      linear.commit();
      if (alpha !== 1) rescale(alpha, B);
      linear.load(L, 0, n, 0, n, from);
      const upper = left === (op === 'T');
      const [rsT, csT] = upper ? [1, n] : [n, 1];
      for (let s0 = 0; s0 < sides; s0 += width) {
        const m = Math.min(width, sides - s0);
        const [row, rows, col, cols] = left ? [0, n, s0, m] : [s0, m, 0, n];
        linear.load(B, row, rows, col, cols, X);
        if (left) typed[B.dtype].solve(upper ? 1 : 0, n, m, from, rsT, csT, X, m, 1, work);
        else typed[B.dtype].solve(upper ? 1 : 0, n, m, from, rsT, csT, X, 1, n, work);
        linear.store(B, row, rows, col, cols, X);
      }
    },

    cholesky(A, L): FailedPivot | undefined {
      const n = A.rows;
      const work = linear.begin(team.size * workspace);
      const to = linear.take(A.dtype, n * n);
      linear.commit();
      linear.load(A, 0, n, 0, n, to);
      const index = factorInParts(hands, A.dtype, n, to, n, work);
      if (index >= 0) return { index, value: linear.at(A.dtype, to, index * n + index) };
      linear.storeLower(L, to, n);
      return undefined;
    },

    invertFactored(L, B) {
      const n = L.rows;
      const work = linear.begin(workspace);
      const from = linear.take(L.dtype, n * n);
      const to = linear.take(B.dtype, n * n);
      linear.commit();
      linear.load(L, 0, n, 0, n, from);
      linear.clear(B.dtype, to, n * n);
      typed[L.dtype].invert(n, from, to, work);
      linear.storeLower(B, to, n);
    },

    factorColumns(At, Qt, Rt) {
      const { rows: n, cols: m } = At;
      const work = linear.begin(reflectionsBytes(n));
      const columns = linear.take('float64', n * m);
      const Q = linear.take('float64', n * m);
      const R = linear.take('float64', n * n);
      linear.commit();
      linear.load(At, 0, n, 0, m, columns);
      linear.clear('float64', R, n * n);
      exports.reduceColumns64(n, m, columns, R, work);
      exports.accumulate64(n, n, m, columns, m, Q, m, work);
      linear.store(Qt, 0, n, 0, m, Q);
      linear.store(Rt, 0, n, 0, n, R);
    },

    accumulate(Vt, Qt) {
      const { rows: k, cols: m } = Vt;
      const n = Qt.rows;
      const work = linear.begin(reflectionsBytes(n));
      const vectors = linear.take('float64', k * m);
      const to = linear.take('float64', n * m);
      linear.commit();
      linear.load(Vt, 0, k, 0, m, vectors);
      exports.accumulate64(k, n, m, vectors, m, to, m, work);
      linear.store(Qt, 0, n, 0, m, to);
    },

    tridiagonalise(A, diagonal, offDiagonal) {
      const n = A.rows;
      const work = linear.begin(workspace);
      const from = linear.take('float64', n * n);
      const vectors = linear.take('float64', n * n);
      const d = linear.take('float64', n);
      const e = linear.take('float64', n);
      const P = linear.take('float64', 2 * REFLECTIONS * n);
      const S = linear.take('float64', 2 * REFLECTIONS * n);
      linear.commit();
      linear.load(A, 0, n, 0, n, from);
      exports.tridiagonalise64(n, from, d, e, vectors, P, S, work);
      linear.store(A, 0, n, 0, n, vectors);
      linear.storeArray(diagonal, d);
      linear.storeArray(offDiagonal, e);
    },

    rotate(Z, { rows, cosines, sines, count }) {
      const { rows: n, cols: m } = Z;
      linear.begin(0);
      const z = linear.take('float64', n * m);
      const r = linear.takeBytes(4 * count);
      const c = linear.take('float64', count);
      const s = linear.take('float64', count);
      const strip = linear.take('float64', n * STRIP);
      linear.commit();
      linear.load(Z, 0, n, 0, m, z);
      linear.loadArray(rows, count, r);
      linear.loadArray(cosines, count, c);
      linear.loadArray(sines, count, s);
      exports.rotate64(n, m, z, count, r, c, s, strip);
      linear.store(Z, 0, n, 0, m, z);
    },
  };
  return { kernels, bytes: () => linear.bytes };

  /** Workspace of blocks of reflections that are applied to `rows` rows. */
  function reflectionsBytes(rows: number): number {
    return workspace + 8 * exports.reflectionsElements(rows);
  }

  /** Refuses a product whose result is not finite: where it is, plain TypeScript sums it in float64. */
  function checkRange(m: number, n: number, c: number, reach: number): void {
    if (exports.finite32(m, n, c, n, reach) === 1) return;
    throw new Refusal('a sum left the range of float32');
  }
}
