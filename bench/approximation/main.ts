// `npm run bench -- approximation`: the error of Â and of its damped inverse against the rank, and against
// passes over the rows.

import { parseArgs } from 'node:util';
import { cpuBackend } from '../../src/backend/cpu.js';
import { checkInteger } from '../../src/core/check.js';
import { foldIn, randomKey } from '../../src/core/random.js';
import { formatMeasured } from '../report/format.js';
import { resultJson, writeResultFile } from '../report/json.js';
import { startProgress } from '../report/progress.js';
import type { Quartiles } from '../report/statistics.js';
import { type Table, terminalTable } from '../report/table.js';
import { mnistActivations } from './activations.js';
import { errorFigure } from './figure.js';
import { measuresOf, measureTarget, outputs, type Row } from './measure.js';
import { methods, publishedAverage } from './methods.js';
import {
  bestError,
  isTelling,
  measurePasses,
  type PassRow,
  passes,
  passFigure,
  rank as passRank,
  pathNames,
} from './passes.js';
import { spectra } from './spectra.js';
import { activationTarget, spectralTarget, type Target } from './targets.js';

const inputs = 256;

/** How much is done: `--quick` is for a look, not for figures to quote. */
const scopes = {
  full: { seeds: 20, ranks: [2, 5, 10, 20, 50, 100], training: { steps: 200, rows: 2000 } },
  quick: { seeds: 4, ranks: [2, 10, 50], training: { steps: 20, rows: 500 } },
} as const;

/** Runs the benchmark, prints tables, and writes JSON and one figure for each matrix. */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: 'string', default: '1' },
      seeds: { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
  });
  const { ranks, training, ...scope } = scopes[values.quick ? 'quick' : 'full'];
  const seed = Number(values.seed);
  const seeds = values.seeds === undefined ? scope.seeds : Number(values.seeds);
  checkInteger('approximation', 'seeds', seeds, 1);
  const key = randomKey(seed);
  const targets = [
    ...spectra.map((spectrum, k) => spectralTarget(spectrum, inputs, foldIn(key, k))),
    ...(await mnistActivations({ ...training, seed })).map(activationTarget),
  ];

  const progress = startProgress('approximation', targets.length * seeds);
  const studies = targets.map((target, k) => ({
    target,
    rows: measureTarget(target, {
      ranks,
      seeds,
      key: foldIn(key, spectra.length + k),
      onSeed: (done) => progress.update(k * seeds + done + 1, target.name),
    }),
  }));
  progress.stop();
  const passStudies = targets.filter(isTelling).map((target, k) => ({
    target,
    passRows: measurePasses(target, seeds, foldIn(key, spectra.length + targets.length + k)),
  }));

  for (const { target, rows } of studies)
    console.log(`${terminalTable(summarise(target, rows))}\n`);
  console.log(`${terminalTable(passTable(passStudies))}\n`);
  const json = resultJson({
    name: 'approximation',
    seed,
    backend: cpuBackend('float64').info,
    configuration: {
      seeds,
      ranks,
      passes,
      passRank,
      training,
      gradientRows: outputs,
      publishedAverage,
    },
    results: studies.map(({ target, rows }) => ({
      ...describe(target),
      rows,
      passRows: passStudies.find((study) => study.target === target)?.passRows,
    })),
  });
  const files = [
    writeResultFile('approximation.json', json),
    ...studies.map(({ target, rows }) =>
      writeResultFile(`approximation-${fileName(target)}.svg`, errorFigure(target, rows, seeds)),
    ),
    writeResultFile('approximation-passes.svg', passFigure(passStudies, seeds)),
  ];
  console.log(`Written: ${files.join(', ')}.`);
}

/** Every error of every method against rank. */
function summarise(target: Target, rows: readonly Row[]): Table {
  const ranks = [...new Set(rows.map(({ rank }) => rank))];
  const [{ label, rho }] = target.dampings;
  const right = { align: 'right' } as const;
  return {
    title: `${target.name}: ${target.description}; norms of the published variant at ρ = ${label === String(rho) ? label : `${label} = ${formatMeasured(rho)}`}; median error ± half the interquartile range`,
    columns: [
      { heading: 'relative error', align: 'left' },
      { heading: 'method', align: 'left' },
      { heading: 'passes', ...right },
      ...ranks.map((rank) => ({ heading: `r = ${rank}`, ...right })),
    ],
    rows: measuresOf(target).flatMap((measure) =>
      methods.map(({ name, passes: count }, k) => [
        k === 0 ? measure : '',
        name,
        Number.isNaN(count) ? '' : `${count}`,
        ...rows
          .filter(({ method }) => method === name)
          .map(({ errors }) => formatQuartiles(errors[measure])),
      ]),
    ),
  };
}

/** Every path after every number of passes on every matrix. */
function passTable(studies: readonly { target: Target; passRows: readonly PassRow[] }[]): Table {
  const right = { align: 'right' } as const;
  return {
    title: `‖A − Â‖₂/‖A‖₂ at r = ${passRank} after so many passes over the rows; median ± half the interquartile range`,
    columns: [
      { heading: 'matrix', align: 'left' },
      { heading: 'path', align: 'left' },
      ...passes.map((count) => ({ heading: `${count}`, ...right })),
    ],
    rows: studies.flatMap(({ target, passRows }) => [
      [target.name, 'best rank r', ...passes.map(() => formatMeasured(bestError(target)))],
      ...pathNames.map((name) => [
        '',
        name,
        ...passes.map((count) => {
          const row = passRows.find(({ path, passes: of }) => path === name && of === count);
          return row === undefined ? '' : formatQuartiles(row.error);
        }),
      ]),
    ]),
  };
}

function formatQuartiles({ lower, median, upper }: Quartiles): string {
  const spread = (100 * (upper - lower)) / 2 / median;
  return `${formatMeasured(median)} ±${Math.round(spread)}%`;
}

function describe({ name, description, A, eigenvalues, dampings }: Target): object {
  return {
    matrix: name,
    description,
    inputs: A.rows,
    largestEigenvalue: eigenvalues[0],
    trace: eigenvalues.reduce((sum, value) => sum + value, 0),
    dampings: dampings.map(({ label, rho }) => ({ label, rho })),
    dampingOfPublished: dampings[0].rho,
  };
}

function fileName({ name }: Target): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
}
