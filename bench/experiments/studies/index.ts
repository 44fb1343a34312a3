// The experiments by name: a further one is a line here.

import { figure2, table3 } from './accuracy.js';
import type { Experiment } from './experiment.js';
import { table6 } from './presets.js';
import { figure3, figure4, figure5 } from './sensitivity.js';
import { table2 } from './step-times.js';

export const experiments: Readonly<Record<string, Experiment>> = {
  table2,
  table3,
  table6,
  figure2,
  figure3,
  figure4,
  figure5,
};
