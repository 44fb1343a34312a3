// The crossover as tables.

import { formatMeasured, formatMilliseconds, formatNumber } from '../report/format.js';
import type { Table } from '../report/table.js';
import type { ModeReport } from './page.js';

const right = { align: 'right' } as const;

/** Products of growing side, and the side from which the device wins. */
export function crossoverTable({ mode, crossover }: ModeReport): Table {
  return {
    title: `n×n products, ${mode} with its transfers against the CPU engine: ${crossoverText(crossover.multiplyAdds)}`,
    columns: [
      { heading: 'n', ...right },
      { heading: 'CPU', ...right },
      { heading: mode, ...right },
      { heading: 'CPU / device', ...right },
    ],
    rows: crossover.rows.map(({ side, cpu, device }) => [
      String(side),
      formatMilliseconds(cpu),
      formatMilliseconds(device),
      formatMeasured(cpu / device),
    ]),
  };
}

/** The operations of the algorithms, with their transfers and without. */
export function operationTable({ mode, rows }: ModeReport): Table {
  return {
    title: `Operations on ${mode} against the CPU engine`,
    columns: [
      { heading: 'operation', align: 'left' },
      { heading: 'shape', align: 'left' },
      { heading: 'multiply-adds', ...right },
      { heading: 'CPU', ...right },
      { heading: 'device, transferred', ...right },
      { heading: 'device, resident', ...right },
      { heading: 'faster', align: 'left' },
    ],
    rows: rows.map(({ name, shape, multiplyAdds, cpu, transferred, resident }) => [
      name,
      shape,
      formatNumber(multiplyAdds),
      formatMilliseconds(cpu),
      formatMilliseconds(transferred),
      formatMilliseconds(resident),
      transferred < cpu ? mode : resident < cpu ? `${mode}, if resident` : 'CPU',
    ]),
  };
}

/** From where the device pays, in words. */
function crossoverText(multiplyAdds: number): string {
  return Number.isFinite(multiplyAdds)
    ? `the device wins from ${formatNumber(multiplyAdds)} multiply-adds`
    : 'the device never wins';
}
