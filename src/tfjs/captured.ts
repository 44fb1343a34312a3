// What a computation of gradients has shown of the weights that took part.

import type { RowForm } from '../precondition/method.js';
import { joinedRows } from '../rows/joined.js';
import type { Rows } from '../rows/rows.js';
import { scaledRows } from '../rows/scaled.js';
import type { WeightLayout } from './content.js';
import type { Use } from './layers/call.js';
import type { RowsHost } from './rows/host.js';

/** One block of weights that took part, known by the names of its variables. */
export interface CapturedBlock {
  /** The name of its kind of layer. */
  readonly kind: string;
  readonly weight: string;
  /** Undefined where the layer has no bias, or none that is trained. */
  readonly bias: string | undefined;
  /** How the variable holds the weight. */
  readonly layout: WeightLayout;
  /** What enters, where the rows are not dense ones. */
  readonly rows: RowForm | undefined;
  /** Whether it is the kernel of a convolution. */
  readonly convolves: boolean;
  /** What every use of the weight saw; none where nobody asks. */
  readonly uses: readonly CapturedUse[];
  /** Examples in the batch: of the first use, where uses have batches of their own. */
  readonly examples: number;
}

/** One use of a weight, which keeps what it saw. */
export interface CapturedUse extends Use {
  /** Stands for the batch that it saw: uses that have the same saw the same examples. */
  readonly batch: object;
  /** Lets go of what it saw. */
  dispose(): void;
}

/** A kernel of a convolution, or a table that one-hot rows look up. */
export type WeightForm = 'kernel' | 'table';

/** The forms of the weights that have one. */
export function formsOf(captured: readonly CapturedBlock[]): ReadonlyMap<string, WeightForm> {
  return new Map(
    captured.flatMap(({ weight, convolves, rows }): [string, WeightForm][] => {
      if (convolves) return [[weight, 'kernel']];
      return rows === 'oneHot' ? [[weight, 'table']] : [];
    }),
  );
}

/** The kind of a matrix that is a block by itself. */
export const MATRIX = 'matrix';

/**
 * The blocks, and one for each variable of at least two axes beside them, where nobody asks what layers saw: the
 * last axis is one side of its matrix, and all others are the other.
 */
export function withMatrices(
  gradients: readonly (readonly [name: string, gradient: { readonly rank: number }])[],
  captured: readonly CapturedBlock[],
): CapturedBlock[] {
  const weights = new Set(captured.map(({ weight }) => weight));
  return [
    ...captured,
    ...gradients.flatMap(([weight, { rank }]): CapturedBlock[] => {
      if (rank < 2 || weights.has(weight)) return [];
      return [
        {
          kind: MATRIX,
          weight,
          bias: undefined,
          layout: 'columns',
          rows: undefined,
          convolves: false,
          uses: [],
          examples: 1,
        },
      ];
    }),
  ];
}

/**
 * The blocks of several computations of gradients as those of one, of all their examples: the mean loss over
 * n of N examples has n/N of the gradients in the mean loss over all, so its rows of D are so much smaller.
 */
export function joinedBlocks(captures: readonly (readonly CapturedBlock[])[]): CapturedBlock[] {
  const byWeight = new Map<string, CapturedBlock[]>();
  for (const block of captures.flat()) {
    const others = byWeight.get(block.weight);
    if (others === undefined) byWeight.set(block.weight, [block]);
    else others.push(block);
  }
  return [...byWeight.values()].map((parts) => {
    const [first] = parts;
    const examples = parts.reduce((sum, part) => sum + part.examples, 0);
    return {
      ...first,
      bias: parts.every(({ bias }) => bias === first.bias) ? first.bias : undefined,
      rows: parts.every(({ rows }) => rows === first.rows) ? first.rows : undefined,
      examples,
      uses: parts.flatMap((part) =>
        part.uses.map((use) => scaledUse(use, part.examples / examples)),
      ),
    };
  });
}

function scaledUse(use: CapturedUse, share: number): CapturedUse {
  return {
    batch: use.batch,
    rows: (host, bias) => use.rows(host, bias),
    gradientRows(host) {
      const rows = use.gradientRows(host);
      return rows && scaledRows(rows, share);
    },
    dispose: () => use.dispose(),
  };
}

/** Disposes of what was captured. */
export function disposeCaptured(captured: readonly CapturedBlock[]): void {
  for (const { uses } of captured) for (const use of uses) use.dispose();
}

/**
 * The rows that entered a block, and the gradients beside them, of all its uses; undefined where there are
 * none. Everything that is made
 * for them is put into `made`, to be disposed of, also where it throws.
 */
export function rowsOf(
  host: RowsHost,
  { uses, bias }: CapturedBlock,
  made: { dispose(): void }[],
): { readonly X: Rows<'float32'>; readonly D: Rows<'float32'> | undefined } | undefined {
  const own = (rows: Rows<'float32'>): Rows<'float32'> => {
    made.push(rows);
    return rows;
  };
  const all = (
    make: (use: CapturedUse) => Rows<'float32'> | undefined,
  ): Rows<'float32'> | undefined => {
    const parts = uses.flatMap((use) => {
      const rows = make(use);
      return rows === undefined ? [] : [{ rows: own(rows), batch: use.batch }];
    });
    if (parts.length === 0) return undefined;
    return joinedRows(
      parts.map(({ rows }) => rows),
      { batches: parts.map(({ batch }) => batch) },
    );
  };
  const X = all((use) => use.rows(host, bias !== undefined));
  return X && { X, D: all((use) => use.gradientRows(host)) };
}
