// The heavy operations, at the shapes of small and large layers.

import type { EngineOperations } from '../../src/backend/engine.js';
import type { Slot } from '../../src/backend/slot.js';

type F32 = 'float32';
type Shape = readonly [rows: number, cols: number];

/** One operation at one shape. */
export interface GpuCase {
  readonly name: string;
  readonly shape: string;
  readonly multiplyAdds: number;
  readonly inputs: readonly Shape[];
  readonly output: Shape;
  readonly run: (
    engine: EngineOperations<F32>,
    inputs: readonly Slot<F32>[],
    output: Slot<F32>,
  ) => void;
}

/** Inputs, outputs and batch of layers: of a small network, of MNIST's, and of a wide one. */
const LAYERS = [
  { p: 65, q: 32, m: 128 },
  { p: 257, q: 128, m: 128 },
  { p: 785, q: 256, m: 128 },
  { p: 2049, q: 1024, m: 256 },
] as const;

const RANK = 10;

/** Every case, the smallest of each operation first. */
export function gpuCases(largest: number): readonly GpuCase[] {
  const layers = LAYERS.filter(({ p }) => p <= largest);
  return [
    ...layers.map(
      ({ p, m }): GpuCase => ({
        name: 'XᵀX',
        shape: `${m}×${p}`,
        multiplyAdds: m * p * p,
        inputs: [[m, p]],
        output: [p, p],
        run: (engine, [X], A) => engine.secondMoment(X, 1 / m, 0, A),
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
        run: (engine, [X, S], C) => engine.sketchMoment(X, { kind: 'dense', S }, 1 / m, 0, C),
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
        run: (engine, [G, V], P) => engine.applyLowRankInverse(G, V, 1, P),
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
        run: (engine, [G, R], P) => engine.applyDenseInverse(G, R, undefined, P),
      }),
    ),
  ];
}
