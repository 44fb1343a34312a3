// The formulas of the methods keep their laws on the host's backend, read at once and later.

import { cpuBackend } from '../../src/backend/cpu.js';
import { EMPTY, SIZES } from '../backend/operation.js';
import { asyncBackend } from '../support/backends.js';
import { formulaLaws } from './formulas.js';

for (const dtype of ['float64', 'float32'] as const) {
  formulaLaws(dtype, () => cpuBackend(dtype), [...SIZES, ...EMPTY]);
  formulaLaws(`${dtype}, read later`, () => asyncBackend(dtype), [SIZES[1], EMPTY[1]]);
}
