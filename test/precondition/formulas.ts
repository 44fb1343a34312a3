// The formulas by which the methods apply their inverses, held to their laws on one kind of backend.

import { describe } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import { Damping } from '../../src/precondition/damping.js';
import { applyRankOne } from '../../src/precondition/eva.js';
import { exactCurvature } from '../../src/precondition/foof.js';
import { applySpectral } from '../../src/precondition/kfac.js';
import { applyLowRank } from '../../src/precondition/nysact.js';
import type { Sizes } from '../backend/operation.js';
import {
  type ApplyDense,
  denseLaws,
  lowRankLaws,
  rankOneLaws,
  spectralLaws,
} from './apply.contract.js';

/** FOOF's, which needs no more of its layer than the slots that it is given. */
const applyDense: ApplyDense = (on, G, R, P) =>
  exactCurvature(
    { name: 'any', inputs: P.cols, outputs: P.rows },
    new Damping(1, P.dtype),
    1,
  ).apply(on, G, { R }, P, {});

/** Declares the laws of all formulas; `largest` is the longest side of shapes that are drawn. */
export function formulaLaws(
  name: string,
  make: () => Backend,
  sizes: readonly Sizes[],
  largest?: number,
): void {
  describe(`the formulas of the methods, ${name}`, () => {
    lowRankLaws(make, applyLowRank, sizes);
    denseLaws(make, applyDense, sizes);
    spectralLaws(make, applySpectral, sizes);
    rankOneLaws(make, applyRankOne, sizes, largest);
  });
}
