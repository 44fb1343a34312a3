// The heavy operations, at the shapes of small and large layers.

import type { Backend, Slot } from '../../src/backend/backend.js';

type F32 = 'float32';
type Shape = readonly [rows: number, cols: number];

/** One operation at one shape. */
export interface GpuCase {
  readonly name: string;
  readonly shape: string;
  readonly multiplyAdds: number;
  readonly inputs: readonly Shape[];
  readonly output: Shape;
  readonly run: (backend: Backend<F32>, inputs: readonly Slot<F32>[], output: Slot<F32>) => void;
}

/** Inputs, outputs and batch of layers: of a small network, of MNIST's, and of a wide one. */
const LAYERS = [
  { p: 65, q: 32, m: 128 },
  { p: 257, q: 128, m: 128 },
  { p: 785, q: 256, m: 128 },
  { p: 2049, q: 1024, m: 256 },
] as const;

const RANK = 10;

/** Sides of square products, which ask for the most work an element. */
const SIDES = [32, 64, 128, 256, 512, 1024, 2048] as const;

/** Every case up to `largest` rows or columns, the smallest of each operation first. */
export function gpuCases(largest: number): readonly GpuCase[] {
  const layers = LAYERS.filter(({ p }) => p <= largest);
  return [
    ...SIDES.filter((n) => n <= largest).map(
      (n): GpuCase => ({
        name: 'AB',
        shape: `${n}×${n}`,
        multiplyAdds: n ** 3,
        inputs: [
          [n, n],
          [n, n],
        ],
        output: [n, n],
        run: (backend, [A, B], C) => backend.gemm(1, A, 'N', B, 'N', 0, C),
      }),
    ),
    ...layers.map(
      ({ p, m }): GpuCase => ({
        name: 'XᵀX',
        shape: `${m}×${p}`,
        multiplyAdds: m * p * p,
        inputs: [[m, p]],
        output: [p, p],
        run: (backend, [X], A) => backend.syrk(1 / m, X, 0, A),
      }),
    ),
    ...layers.map(
      ({ p, m }): GpuCase => ({
        name: 'Xᵀ(XS)',
        shape: `${m}×${p}, rank ${RANK}`,
        multiplyAdds: 2 * m * p * RANK,
        inputs: [
          [m, p],
          [p, RANK],
        ],
        output: [p, RANK],
        run: (backend, [X, S], C) => backend.sketchMoment(X, { kind: 'dense', S }, 1 / m, 0, C),
      }),
    ),
    ...layers.map(
      ({ p, q }): GpuCase => ({
        name: 'G/c − (GV)Vᵀ',
        shape: `${q}×${p}, rank ${RANK}`,
        multiplyAdds: 2 * q * p * RANK,
        inputs: [
          [q, p],
          [p, RANK],
        ],
        output: [q, p],
        run: (backend, [G, V], P) =>
          backend.borrow((take) => {
            const GV = take(q, RANK);
            backend.gemm(1, G, 'N', V, 'N', 0, GV);
            backend.axpby(1, G, 0, P);
            backend.gemm(-1, GV, 'N', V, 'T', 1, P);
          }),
      }),
    ),
    ...layers.map(
      ({ p, q }): GpuCase => ({
        name: 'G·R',
        shape: `${q}×${p}`,
        multiplyAdds: q * p * p,
        inputs: [
          [q, p],
          [p, p],
        ],
        output: [q, p],
        run: (backend, [G, R], P) => backend.gemm(1, G, 'N', R, 'N', 0, P),
      }),
    ),
  ];
}
