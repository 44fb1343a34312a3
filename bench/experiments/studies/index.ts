// The experiments by name: a further one is a line here.

import { figure2, table3 } from './accuracy.js';
import { table1 } from './complexity.js';
import type { Experiment } from './experiment.js';
import { figure1 } from './heat-maps.js';
import { table4, table5 } from './imagenet.js';
import { introduction } from './introduction.js';
import { table6 } from './presets.js';
import { figure3, figure4, figure5 } from './sensitivity.js';
import { table2 } from './step-times.js';
import { tuning } from './tuning.js';

export const experiments: Readonly<Record<string, Experiment>> = {
  introduction,
  table1,
  table2,
  tuning,
  table3,
  table4,
  table5,
  table6,
  figure1,
  figure2,
  figure3,
  figure4,
  figure5,
};
