// Shampoo: second moments of the gradient on either side, to the power −1/4 (Gupta, Koren and Singer 2018).

import type { Slot } from '../backend/backend.js';
import { blockOf, mapBlocks, type Part, partsOf } from '../backend/blocks.js';
import type { DType } from '../core/dtype.js';
import {
  choice,
  integer,
  type OptionsOf,
  optionList,
  type SettingsOf,
  unitInterval,
} from '../core/options.js';
import { trace } from '../kernels/level1.js';
import { movingAverage, type Seen, type Statistic } from '../rows/accumulator.js';
import { DAMPING, Damping } from './damping.js';
import { inverseRoot } from './inverse-root.js';
import {
  type Curvature,
  curvature,
  type InversePart,
  type LayerShape,
  type Method,
} from './method.js';
import { describeMethod, elementsWithin, METHOD_OPTIONS } from './options.js';
import { checkOverrides, overridesOf, settingsOfLayers } from './overrides.js';

/** The options of a layer. */
const LAYER = optionList({
  /** The decay β of moving averages, in [0, 1], where 1 is the plain mean; or 'sum' (default) for L ← L + GGᵀ. */
  decay: unitInterval.or(choice('sum')).default('sum'),
  /**
   * The damping ρ > 0, or `{ relative: α }` for α times the mean eigenvalue of L and R, the geometric mean of the
   * two, at each refresh, and 10⁻¹² at least (default `{ relative: 1e-3 }`).
   */
  damping: DAMPING.default({ relative: 1e-3 }),
  /** Blocks of at most so many rows and columns are preconditioned each alone (default 1024). */
  blockSize: integer(1).default(1024),
});

/** Options of a layer in {@link shampooMethod}. */
export interface ShampooLayerOptions extends OptionsOf<typeof LAYER> {}

/** The options of {@link shampooMethod}. */
export const SHAMPOO_OPTIONS = optionList({
  ...METHOD_OPTIONS.entries,
  ...LAYER.entries,
  /** Options of some layers in place of those of all: by names of layers, or a function of a layer. */
  overrides: overridesOf<ShampooLayerOptions>(),
});

/** Options of {@link shampooMethod}. @interface */
export type ShampooOptions = OptionsOf<typeof SHAMPOO_OPTIONS>;

/**
 * Shampoo: P = (L + ρI)^(−1/4)·G·(R + ρI)^(−1/4) with L = ΣGGᵀ and R = ΣGᵀG over the observed batches, or their
 * bias-corrected moving averages. It looks at gradients alone, so any matrix will do as a layer. Of a matrix with
 * more than `blockSize` rows or columns every block is preconditioned as a matrix of its own.
 *
 * Per layer, in one block: 2(p² + q²) numbers of memory; observe O(qp(p + q)), refresh O(p³ + q³), precondition
 * O(qp(p + q)). In blocks of size b: 4qp, O(qpb), O(qpb²), O(qpb), and O(q²p) where there are more rows than b.
 * Source: Gupta, Koren and Singer 2018 (arXiv:1802.09568), Algorithm 1; blocks: Anil et al. 2020 (arXiv:2002.09018).
 *
 * @throws RangeError or TypeError on a bad option.
 */
export function shampooMethod(options: ShampooOptions = {}): Method {
  const settings = SHAMPOO_OPTIONS.read('shampoo', options);
  checkOverrides('shampoo', LAYER, settings.overrides);
  return {
    name: 'shampoo',
    needs: { gradients: true },
    maxFailures: settings.maxFailures,
    description: describeMethod('shampoo', SHAMPOO_OPTIONS, settings),
    layers(shapes, dtype) {
      return settingsOfLayers('shampoo', LAYER, settings, shapes, dtype).map((own, layer) =>
        twoSided(shapes[layer], own, dtype),
      );
    },
  };
}

/** A part of an inverse that is a matrix. */
type MatrixPart = Extract<InversePart, { rows: number }>;

/** A block, by its number among those of its layer. */
interface Block {
  readonly rows: Part;
  readonly cols: Part;
  readonly L: string;
  readonly R: string;
}

/** The blocks of a layer, row after row of them. */
function gridOf(rows: readonly Part[], cols: readonly Part[]): readonly (readonly Block[])[] {
  return rows.map((ofRows, i) =>
    cols.map((ofCols, j) => {
      const k = i * cols.length + j;
      return { rows: ofRows, cols: ofCols, L: `L${k}`, R: `R${k}` };
    }),
  );
}

/** P = (L + ρI)^(−1/4)·G·(R + ρI)^(−1/4), block by block. */
function twoSided(
  { inputs, outputs }: LayerShape,
  { decay, damping: given, blockSize }: SettingsOf<typeof LAYER>,
  dtype: DType,
): Curvature {
  const parts = { rows: partsOf(outputs, blockSize), cols: partsOf(inputs, blockSize) };
  const grid = gridOf(parts.rows, parts.cols);
  const blocks = grid.flat();
  const damping = new Damping(given, dtype, 2);
  const check = elementsWithin(1.01 / Math.sqrt(Math.sqrt(damping.least)));
  const root = (size: number): MatrixPart => ({ rows: size, cols: size, check });
  return curvature({
    ...damping.bounds,
    statistics: blocks.flatMap((block) => moments(block, decay === 'sum' ? 1 : decay)),
    inverse: Object.fromEntries(
      blocks.flatMap(({ rows, cols, L, R }) => [
        [L, root(rows.size)],
        [R, root(cols.size)],
      ]),
    ),
    factorise(averages, { updates, workspace }) {
      const count = decay === 'sum' ? updates : 1;
      const total = count * blocks.reduce((sum, { L }) => sum + trace(averages[L]), 0);
      // There are so many eigenvalues of all L, and so many of all R.
      const eigenvalues = [
        blocks.reduce((sum, { rows }) => sum + rows.size, 0),
        blocks.reduce((sum, { cols }) => sum + cols.size, 0),
      ];
      const rho = damping.of(total / Math.sqrt(eigenvalues[0] * eigenvalues[1]));
      if (rho === undefined) return undefined;
      return {
        inverse: Object.fromEntries(
          blocks
            .flatMap(({ L, R }) => [L, R])
            .map((name) => [name, inverseRoot(averages[name], rho, 4, count, workspace)]),
        ),
        found: { damping: rho },
      };
    },
    apply(on, G, inverse, P) {
      mapBlocks(
        on,
        G,
        parts,
        (H, row, col, into) =>
          on.borrow((take) => {
            const { L, R } = grid[row][col];
            const LH = take(H.rows, H.cols);
            on.gemm(1, inverse[L], 'N', H, 'N', 0, LH);
            on.gemm(1, LH, 'N', inverse[R], 'N', 0, into);
          }),
        P,
      );
    },
  });
}

/** L = HHᵀ and R = HᵀH over batches, of a block H of G. Cost of an update: O(qp(p + q)) of its own q and p. */
function moments({ rows, cols, L, R }: Block, decay: number): readonly Statistic[] {
  const ofBlock = <D extends DType>({ backend, G }: Seen<D>, use: (H: Slot<D>) => void) =>
    backend.borrow((take) => use(blockOf(backend, G, rows, cols, take)));
  const common = { per: 'batch', average: movingAverage(decay) } as const;
  return [
    {
      ...common,
      name: L,
      rows: rows.size,
      cols: rows.size,
      of: (seen, weight, keep, M) =>
        ofBlock(seen, (H) => seen.backend.gemm(weight, H, 'N', H, 'T', keep, M)),
    },
    {
      ...common,
      name: R,
      rows: cols.size,
      cols: cols.size,
      of: (seen, weight, keep, M) => ofBlock(seen, (H) => seen.backend.syrk(weight, H, keep, M)),
    },
  ];
}
