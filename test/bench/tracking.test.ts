// The parts of the benchmark of policies that follow a network.

import { beforeAll, expect, test } from 'vitest';
import { startTensorflow, type TensorFlow } from '../../bench/data/tensorflow.js';
import { terminalTable } from '../../bench/report/table.js';
import { AGAINST, type Found, measureSeed } from '../../bench/tracking/measure.js';
import { POLICIES, RESTART } from '../../bench/tracking/policies.js';
import { MOST, RESIDUALS, ranksOfSeed, rankTable } from '../../bench/tracking/ranks.js';
import { errorTable, trackingFigure } from '../../bench/tracking/report.js';
import { layerInputs } from '../../bench/tracking/training.js';

let tf: TensorFlow;

beforeAll(async () => {
  tf = await startTensorflow();
});

test('a short run finds every policy on every layer, none better than the best of its rank', () => {
  const before = tf.memory().numTensors;
  let steps = 0;
  const training = { seed: 1, steps: 2, batch: 32, momentum: 0, heldOut: 100 };
  const found = measureSeed(tf, training, () => {
    steps += 1;
  });
  expect(steps).toBe(2);
  expect(tf.memory().numTensors).toBe(before);
  expect(found).toHaveLength(POLICIES.length * layerInputs.length * AGAINST.length);
  for (const { error, best, bytes } of found) {
    expect(error).toBeGreaterThanOrEqual(best * (1 - 1e-6));
    expect(error).toBeLessThan(1);
    expect(bytes).toBeGreaterThan(0);
  }
});

test('a short run finds the ranks of every layer, within what they may be', () => {
  const training = { seed: 1, steps: 52, batch: 32, momentum: 0, heldOut: 100 };
  const found = ranksOfSeed(tf, training, () => {});
  expect(found).toHaveLength(2 * RESIDUALS.length * 2 * layerInputs.length);
  for (const { rank, best } of found) {
    expect(rank).toBeGreaterThanOrEqual(1);
    expect(rank).toBeLessThanOrEqual(MOST);
    expect(best).toBeGreaterThanOrEqual(1);
  }
  const { rows } = rankTable(
    found.map((one, k) => ({ ...one, step: 1, rank: k < found.length / 2 ? 5 : 6, best: 4 })),
  );
  expect(rows.map(([residual]) => residual)).toEqual(['0.3', '0.1']);
  expect(rows[0].slice(1)).toEqual(['5–6', '5–6', '4', '5–6', '5–6', '4', '5–6', '5–6', '4']);
});

test('a table has medians of late windows, and what they are of those of a peer', () => {
  const found = [50, 150, 200].flatMap((step) =>
    POLICIES.flatMap(({ name: policy }, k) =>
      layerInputs.flatMap((inputs) =>
        AGAINST.map(
          (against): Found => ({
            seed: 1,
            step,
            inputs,
            policy,
            against,
            error: step === 50 ? 9 : 0.1 * (k + 1),
            best: 0.05,
            bytes: 1024,
          }),
        ),
      ),
    ),
  );
  const { rows } = errorTable(found, 0);
  expect(rows[0].slice(1, 3)).toEqual(['0.0500', '0.0500']);
  expect(rows[1].slice(0, 3)).toEqual([RESTART, '0.100 (1.00)', '0.100 (2.00)']);
  expect(rows[4].slice(1, 3)).toEqual(['0.400 (4.00)', '0.400 (8.00)']);
  expect(rows[4].at(-1)).toBe('3.00 KiB');
  expect(terminalTable(errorTable(found, 0))).toContain('momentum 0:');
  expect(trackingFigure(found, 0)).toContain('track, 8 + 2 fresh');
});
