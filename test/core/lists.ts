// Lists of options as optimisers have them, for the tests of run time and of types.

import {
  choice,
  flag,
  fraction,
  guarded,
  integer,
  nonNegative,
  optionList,
  positive,
  unitInterval,
} from '../../src/core/options.js';

export type Schedule = (step: number) => number;
export type SketchSource = (draw: number) => string;

const schedule = guarded('a schedule', (value): value is Schedule => typeof value === 'function');
const sketchSource = guarded(
  'a function',
  (value): value is SketchSource => typeof value === 'function',
);

export const SGD = optionList({
  /** The learning rate (default 0.1). */
  learningRate: nonNegative.or(schedule).default(0.1),
  momentum: fraction.default(0.9),
  nesterov: flag.default(false),
  weightDecay: nonNegative.default(5e-4),
});

export const CADENCE = optionList({
  observeEvery: integer(1).default(5),
  refreshEvery: integer(1).default(50),
});

export const NYSACT = optionList({
  /** r, the eigenpairs that are kept (default 10). */
  rank: integer(1).default(10),
  damping: positive.default(1),
  decay: unitInterval.default(0.95),
  sketch: choice('gaussian', 'subcolumn').or(sketchSource).default('gaussian'),
  seed: integer().default(0),
  shift: choice('tiny', 'damping').or(nonNegative).default('tiny'),
  klClip: positive.or(choice('none')).default('none'),
  tail: flag.default(false),
  /** Absent by default. */
  clipLearningRate: nonNegative.or(schedule),
});

/** Another default in a longer list. */
export const KFAC_LIKE = optionList({
  ...SGD.entries,
  ...CADENCE.entries,
  ...NYSACT.entries,
  klClip: NYSACT.entries.klClip.default(1e-3),
});
