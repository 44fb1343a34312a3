// The averages of a layer: statistics by name, one sketch for all, and one path from rows to C.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { exportState, restoreState } from '../../src/backend/saved-state.js';
import type { DType } from '../../src/core/dtype.js';
import { power } from '../../src/core/elementary.js';
import { convert, DenseMatrix } from '../../src/core/matrix.js';
import { foldIn, randomKey } from '../../src/core/random.js';
import { Workspace } from '../../src/core/workspace.js';
import { activationSketch } from '../../src/nystrom/activation-sketch.js';
import { nystromEigenpairs } from '../../src/nystrom/factor.js';
import { momentTrace, sketchedMoment } from '../../src/nystrom/sketched-moment.js';
import { LayerPreconditioner } from '../../src/precondition/layer.js';
import { nysactMethod } from '../../src/precondition/nysact.js';
import { Accumulator, movingAverage, type Statistic } from '../../src/rows/accumulator.js';
import { denseRows } from '../../src/rows/dense.js';
import type { Average } from '../../src/rows/moving-average.js';
import { drawSketch, type SketchKind } from '../../src/sketch/distributions.js';
import { countingBackend } from '../support/backends.js';
import { build, gaussian, uniform } from '../support/matrices.js';

const DTYPES = ['float32', 'float64'] as const;
const KINDS: readonly SketchKind[] = ['gaussian', 'subcolumn'];
const SHAPE = { inputs: 8, width: 4 };
const batches = fc.array(fc.record({ m: fc.integer({ min: 1, max: 9 }), seed: fc.nat() }), {
  minLength: 1,
  maxLength: 4,
});

describe.each(KINDS.flatMap((kind) => DTYPES.map((dtype) => ({ kind, dtype }))))(
  '$kind, $dtype:',
  ({ kind, dtype }) => {
    const make = (decay: number, seed = 3) => {
      const backend = cpuBackend<DType>(dtype);
      const source = (draw: number) =>
        drawSketch<DType>(kind, SHAPE, dtype, foldIn(randomKey(seed), draw));
      const statistics = [sketchedMoment(SHAPE, decay), momentTrace(decay)];
      const averages = new Accumulator<DType>(backend, statistics, { shape: SHAPE, source });
      const observe = (m: number, drawn: number) => {
        const X = denseRows<DType>(backend, gaussian(uniform(drawn), m, SHAPE.inputs));
        averages.observe({ X, examples: m });
        X.dispose();
      };
      const estimates = () => {
        const reading = averages.reading();
        return reading.onHost(reading.slots.map((slot) => backend.readSync(slot)));
      };
      return { backend, averages, observe, estimates };
    };

    test.prop([batches, fc.constantFrom(0.5, 0.95, 1)], { numRuns: 20 })(
      'activationSketch and NysAct have the same bits of C and of its factor for the same batches',
      (drawn, decay) => {
        const own = make(decay);
        const sketch = drawSketch<DType>(kind, SHAPE, dtype, randomKey(7));
        const method = nysactMethod({
          rank: 3,
          oversample: 1,
          decay,
          damping: 1,
          policy: 'fixed',
          tail: true,
          sketch: (request) => drawSketch(kind, request.shape, request.dtype, randomKey(7)),
        });
        const layer = { name: 'dense', inputs: SHAPE.inputs, outputs: 2 };
        const [curvature] = method.layers([layer], dtype);
        const workspace = new Workspace();
        const nysact = new LayerPreconditioner(own.backend, layer, method, curvature, workspace);
        const activations = activationSketch<DType>({
          inputs: SHAPE.inputs,
          rank: 3,
          oversample: 1,
          decay,
          kind,
          seed: 7,
          dtype,
        });
        for (const { m, seed } of drawn) {
          const A = gaussian(uniform(seed), m, SHAPE.inputs);
          const X = denseRows<DType>(own.backend, A);
          nysact.observe({ X, examples: m });
          X.dispose();
          activations.observe(A);
        }
        nysact.refresh();
        const { found } = nysact.diagnostics;
        const factor = activations.factor();
        const { eigenvalues, shift, retries } = factor;
        expect(found).toMatchObject({ eigenvalues, shift, retries });
        // And both are the factor of the C that NysAct holds.
        const C = nysact.state.find(({ name }) => name === 'C/average')?.holds;
        if (C === undefined || !('slot' in C)) throw new TypeError('there is no C');
        const correction = decay === 1 ? 1 : 1 / (1 - power(decay, drawn.length));
        const held = own.backend.readSync(C.slot);
        const corrected = new DenseMatrix<DType>(
          dtype,
          held.rows,
          held.cols,
          held.data.map((x) => x * correction),
        );
        const pairs = nystromEigenpairs<DType>(corrected, sketch, { rank: 3 });
        expect([pairs.U, pairs.eigenvalues]).toEqual([factor.U, factor.eigenvalues]);
      },
    );

    test.prop([batches], { numRuns: 10 })(
      'the sketch stays where the averages are forgotten, and is another one after a redraw',
      (drawn) => {
        const one = make(0.9);
        const { sketch } = one.estimates();
        for (const { m, seed } of drawn) one.observe(m, seed);
        expect(one.averages.updates).toBe(drawn.length);
        one.averages.reset();
        expect(one.averages.updates).toBe(0);
        expect(one.estimates().sketch).toEqual(sketch);
        for (const { m, seed } of drawn) one.observe(m, seed);
        const other = make(0.9);
        for (const { m, seed } of drawn) other.observe(m, seed);
        expect(one.estimates()).toEqual(other.estimates());
        one.averages.redraw();
        expect(one.estimates().sketch).not.toEqual(sketch);
      },
    );

    test.prop([batches, batches], { numRuns: 10 })(
      'its state, restored into another, goes on bit for bit, sketch and all',
      async (before, after) => {
        const one = make(0.9);
        one.averages.redraw();
        for (const { m, seed } of before) one.observe(m, seed);
        const saved = structuredClone(await exportState(one.backend, {}, one.averages.state));
        const other = make(0.9, 4);
        restoreState(other.backend, {}, other.averages.state, saved);
        for (const { m, seed } of after) {
          one.observe(m, seed);
          other.observe(m, seed);
        }
        expect(other.estimates()).toEqual(one.estimates());
      },
    );
  },
);

describe('Accumulator', () => {
  const p = 3;
  const mean = (name: string, per?: 'row' | 'batch'): Statistic => ({
    name,
    rows: 1,
    cols: p,
    average: movingAverage(1),
    ...(per === undefined ? {} : { per }),
    of: ({ X }, weight, keep, a) => X.sum(weight, keep, a),
  });
  const X = build(4, p, (i, j) => i + j);

  test('a statistic is a mean over rows, weighted as they are, or over batches', () => {
    const backend = cpuBackend('float64');
    const averages = new Accumulator(backend, [mean('row'), mean('batch', 'batch')]);
    averages.observe({ X: denseRows(backend, X, { weights: [4, 0, 4, 0] }), examples: 2 });
    const { slots } = averages.reading();
    expect(slots.map((slot) => backend.readSync(slot).toArrays())).toEqual([
      [[1, 2, 3]],
      [[8, 16, 24]],
    ]);
    expect(Object.keys(averages.held)).toEqual(['row', 'batch']);
  });

  test.each<[string, Statistic['of']]>([
    ['X, the inputs of the layer', (seen, ...rest) => seen.X.sum(...rest)],
    ['D, the gradients of the pre-activations', (seen, ...rest) => seen.D.sum(...rest)],
    [
      'G, the gradient of the weight',
      (seen, weight, keep, a) => seen.backend.axpby(weight, seen.G, keep, a),
    ],
    ['S, a sketch', (seen, weight, keep, a) => seen.X.sketchMoment(seen.S, weight, keep, a)],
  ])('what a batch does not show is an error where it is asked for: %s', (what, of) => {
    const backend = cpuBackend('float64');
    const averages = new Accumulator(backend, [{ ...mean('a', 'batch'), of }]);
    const rows = what.startsWith('S') ? { X: denseRows(backend, X) } : {};
    expect(() => averages.observe({ ...rows, examples: 1 })).toThrow(
      new RangeError(`observe: ${what} is missing`),
    );
    expect(averages.updates).toBe(0);
    expect(() => averages.reading().onHost([convert(X, 'float64')]).sketch).toThrow(
      new RangeError('observe: a sketch is missing'),
    );
  });

  test('merge adds up moving averages, and refuses other kinds', () => {
    const backend = cpuBackend('float64');
    const [one, other] = [0, 1].map((from) => {
      const averages = new Accumulator(backend, [mean('a')]);
      averages.observe({ X: denseRows(backend, X.view(2 * from, 0, 2, p)), examples: 2 });
      return averages;
    });
    one.merge(other);
    expect(backend.readSync(one.held.a.slot).toArrays()).toEqual([[1.5, 2.5, 3.5]]);

    const strange: Average<'float64'> = {
      updates: 0,
      correction: 1,
      state: [],
      slot: backend.allocate(1, p),
      update: () => undefined,
      reset: () => undefined,
    };
    const odd = Reflect.construct(Accumulator, [
      backend,
      [{ ...mean('a'), average: () => strange }],
    ]);
    expect(() => one.merge(odd)).toThrow(
      new RangeError('merge: an average is of another kind, expected moving averages'),
    );
  });

  test('dispose frees every slot, that of a dense sketch too', () => {
    const backend = countingBackend('float64');
    const shape = { inputs: p, width: 2 };
    const source = () => drawSketch('gaussian', shape, 'float64', randomKey(1));
    const averages = new Accumulator(backend, [mean('a'), sketchedMoment(shape, 0.9)], {
      shape,
      source,
    });
    expect(backend.count.live).toBe(3);
    averages.dispose();
    expect(backend.count.live).toBe(0);
  });
});

test('where nothing is averaged, nothing has been updated', () => {
  const averages = new Accumulator(cpuBackend('float64'), []);
  expect(averages.updates).toBe(0);
});
