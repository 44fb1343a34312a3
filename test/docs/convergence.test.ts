// docs/convergence.md quotes figures; each is computed here and must agree to the digits it prints.

import { STATEMENT_NAMES } from '../nystrom/statements.js';
import type { MethodName } from '../optimize/descents.js';
import { sixSteps } from '../optimize/every-run.js';
import {
  type CaseStep,
  printedBound,
  printedDescent,
  publishedCount,
  typicalSteps,
  typicalTightness,
  violations,
} from './convergence.js';
import { checkFigures } from './figures.js';

/** The steps of a column are made once, when its first figure asks for them. */
function column(method: 'gaussian' | 'foof', damping: number) {
  let made: readonly CaseStep[] | undefined;
  const steps = () => (made ??= typicalSteps({ method, damping }));
  return { method, damping, steps };
}

const columns = [
  ...[0.01, 0.1, 1, 10].map((damping) => column('gaussian', damping)),
  ...[0.01, 1].map((damping) => column('foof', damping)),
];

/** Median left/right of every statement, by the number of its row, the method and ρ/λ₁. */
const table = Object.fromEntries(
  STATEMENT_NAMES.flatMap((name, row) =>
    columns.map(({ method, damping, steps }) => [
      `row-${row + 1}-${method}-${damping}`,
      () => typicalTightness(name, steps()),
    ]),
  ),
);

async function sumTightness(method: MethodName): Promise<number> {
  const { left, right } = await sixSteps(method, 1);
  return left / right;
}

checkFigures('convergence', {
  'printed-left': () => printedBound().left,
  'printed-right': () => printedBound().right,
  'printed-mended': () => printedBound().mended,
  'noise-loss': () => printedDescent([1, -1], 0.5).loss,
  'noise-promised': () => printedDescent([1, -1], 0.5).promised,
  'large-loss': () => printedDescent([1, 1], 6).loss,
  'large-promised': () => printedDescent([1, 1], 6).promised,
  'published-cases': publishedCount,
  'published-order': () => violations('no less than FOOF'),
  'published-length': () => violations('the length of the step'),
  'published-curvature': () => violations("in the layer's own curvature"),
  'sum-gaussian': () => sumTightness('nysact, gaussian'),
  'sum-foof': () => sumTightness('foof'),
  ...table,
});
