// What the study found, as a table for each task.

import { classes } from '../data/samples.js';
import { deviation, mean } from '../report/statistics.js';
import type { Column, Table } from '../report/table.js';
import { CONTENDERS, DAMPINGS, nameOf, POLICIES } from './contenders.js';
import type { Run } from './study.js';

const right = (heading: string): Column => ({ heading, align: 'right' });

/** Mean ± standard deviation, over seeds, of the runs that did not fail; how many failed stands beside. */
export function resultTable(task: string, title: string, runs: readonly Run[]): Table {
  const own = runs.filter((run) => run.task === task && run.on === 'test');
  const of = (contender: string): Run[] => own.filter((run) => run.contender === contender);
  const row = (contender: string, peers: readonly string[]): string[] => {
    const ended = of(contender).filter(({ loss }) => hasLearnt(loss));
    return [
      contender,
      settingOf(of(contender)),
      spread(
        ended.map(({ loss }) => loss),
        3,
      ),
      `${spread(
        ended.map(({ accuracy }) => 100 * accuracy),
        1,
      )} %`,
      `${of(contender).length - ended.length} of ${of(contender).length}`,
      ...peers.map((peer) => (peer === contender ? '' : differences(of(contender), of(peer)))),
    ];
  };
  const [{ name: restart }] = POLICIES;
  const [{ name: absolute }] = DAMPINGS;
  return {
    title,
    columns: [
      { heading: 'optimiser', align: 'left' },
      { heading: 'best setting', align: 'left' },
      right('test loss'),
      right('accuracy'),
      right('failed'),
      right(`loss − ${restart}'s`),
      right(`loss − ${absolute}'s`),
    ],
    rows: [
      [...row(CONTENDERS[0].name, []), '', ''],
      ...POLICIES.flatMap((policy) =>
        DAMPINGS.map((damping) =>
          row(nameOf(policy.name, damping.name), [
            nameOf(restart, damping.name),
            nameOf(policy.name, absolute),
          ]),
        ),
      ),
    ],
  };
}

/** Whether a run has neither diverged nor ended where it knows no more than the frequencies of classes. */
function hasLearnt(loss: number): boolean {
  return loss < 0.99 * Math.log(classes);
}

function settingOf([run]: readonly Run[]): string {
  const { damping, learningRate } = run;
  return damping === undefined ? `η ${learningRate}` : `${damping}, η ${learningRate}`;
}

/** Mean ± standard deviation. */
function spread(values: readonly number[], digits: number): string {
  if (values.length === 0) return '–';
  if (values.length === 1) return values[0].toFixed(digits);
  return `${mean(values).toFixed(digits)} ± ${deviation(values).toFixed(digits)}`;
}

/** Of losses, seed by seed, where neither run failed; and for how many seeds the loss is less than the peer's. */
function differences(runs: readonly Run[], peers: readonly Run[]): string {
  const pairs = runs.flatMap(({ seed, loss }) => {
    const peer = peers.find((one) => one.seed === seed);
    return peer === undefined ? [] : [[loss, peer.loss] as const];
  });
  const found = pairs.filter((pair) => pair.every(hasLearnt)).map(([own, peer]) => own - peer);
  const less = pairs.filter(([own, peer]) => own < peer).length;
  return `${spread(found, 3)} (${less} of ${pairs.length} less)`;
}
