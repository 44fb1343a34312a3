// What was measured as a table.

import { formatMeasured, formatMilliseconds, formatNumber } from '../report/format.js';
import type { Table } from '../report/table.js';
import type { ModeReport } from './page.js';

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
