// What was measured as a table.

import { formatMeasured, formatMilliseconds, formatNumber } from '../report/format.js';
import type { Table } from '../report/table.js';
import type { ModeReport } from './modes.js';
import type { StepRow } from './steps.js';

const right = { align: 'right' } as const;

/** The operations of the algorithms, with their transfers and without. */
export function operationTable({ mode, rows }: ModeReport): Table {
  return {
    title: `Operations on ${mode} against the CPU backend`,
    columns: [
      { heading: 'operation', align: 'left' },
      { heading: 'shape', align: 'left' },
      { heading: 'multiply-adds', ...right },
      { heading: 'CPU', ...right },
      { heading: 'device, transferred', ...right },
      { heading: 'device, resident', ...right },
      { heading: 'CPU / transferred', ...right },
      { heading: 'faster', align: 'left' },
    ],
    rows: rows.map(({ name, shape, multiplyAdds, cpu, transferred, resident }) => [
      name,
      shape,
      formatNumber(multiplyAdds),
      formatMilliseconds(cpu),
      formatMilliseconds(transferred),
      formatMilliseconds(resident),
      formatMeasured(cpu / transferred),
      transferred < cpu ? mode : resident < cpu ? `${mode}, if resident` : 'CPU',
    ]),
  };
}

/** Steps of TensorFlow.js models; a GPU's stand below those of the wasm backend. */
export function stepTable(rows: readonly StepRow[]): Table {
  return {
    title: 'Steps of TensorFlow.js perceptrons, by its backends',
    columns: [
      { heading: 'units', align: 'left' },
      { heading: 'batch', ...right },
      { heading: 'backend', align: 'left' },
      { heading: 'SGD', ...right },
      { heading: 'NysAct', ...right },
      { heading: 'NysAct / SGD', ...right },
    ],
    rows: rows.map(({ widths, batch, backend, sgd, nysact, ratio }) => [
      widths.join('–'),
      formatNumber(batch),
      backend,
      formatMilliseconds(sgd),
      formatMilliseconds(nysact),
      formatMeasured(ratio),
    ]),
  };
}
