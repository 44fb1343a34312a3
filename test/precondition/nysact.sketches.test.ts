// The life of NysAct's sketches: when they are drawn, and from what.

import { describe, expect, test } from 'vitest';
import { cpuEngine } from '../../src/backend/cpu.js';
import { randomKey } from '../../src/core/random.js';
import {
  type NysactOptions,
  nysactPreconditioner,
  type SketchSource,
} from '../../src/precondition/nysact.js';
import { denseSketch, drawSketch } from '../../src/sketch/sketch.js';
import { combine, type Matrix } from '../support/matrices.js';
import { decayingBatch, SIZE, sketchOf } from './decaying.js';
import { apply, matrixOf, numberOf, observe, only, randomGradient } from './runs.js';

const { inputs: p } = SIZE;

function fresh(options: NysactOptions) {
  const engine = cpuEngine('float64');
  return { engine, layer: only(nysactPreconditioner({ rank: 4, ...options }), engine, SIZE) };
}

describe('the life of a sketch', () => {
  const G = randomGradient(1, SIZE);
  const batch = decayingBatch(3, 20, 0.8);

  test('restart: a refresh closes the window, draws anew and starts to count from 0', async () => {
    const { engine, layer } = fresh({ seed: 3 });
    expect(await matrixOf(engine, layer, 'sketch/S')).toEqual(sketchOf('gaussian', 4, 3));
    observe(engine, layer, batch);
    observe(engine, layer, batch);
    expect(numberOf(layer, 'C/updates')).toBe(2);
    for (const draw of [1, 2]) {
      layer.refresh();
      expect(numberOf(layer, 'C/updates')).toBe(0);
      expect(await matrixOf(engine, layer, 'sketch/S')).toEqual(
        sketchOf('gaussian', 4, 3, 0, draw),
      );
      observe(engine, layer, batch);
    }
  });

  test('restart: a window knows nothing of the one before', async () => {
    const S = sketchOf('gaussian', 4, 1);
    const sketch = sameSketchAlways(S);
    const [one, two] = [fresh({ sketch, tail: true }), fresh({ sketch, tail: true })];
    observe(one.engine, one.layer, decayingBatch(8, 20, 0.5));
    one.layer.refresh();
    for (const { engine, layer } of [one, two]) {
      observe(engine, layer, batch);
      layer.refresh();
    }
    expect(await apply(one.engine, one.layer, G)).toEqual(await apply(two.engine, two.layer, G));
  });

  test('fixed: one sketch for ever, and the average goes on', async () => {
    const { engine, layer } = fresh({ policy: 'fixed', seed: 3 });
    for (const updates of [1, 2, 3]) {
      observe(engine, layer, batch);
      layer.refresh();
      expect(numberOf(layer, 'C/updates')).toBe(updates);
      expect(await matrixOf(engine, layer, 'sketch/S')).toEqual(sketchOf('gaussian', 4, 3));
    }
  });

  test('reference: a new sketch at every observation after the first, and the average goes on', async () => {
    const { engine, layer } = fresh({ variant: 'reference', seed: 3 });
    for (const updates of [1, 2, 3, 4]) {
      observe(engine, layer, batch);
      if (updates % 2 === 0) layer.refresh();
      expect(numberOf(layer, 'C/updates')).toBe(updates);
      const expected = sketchOf('gaussian', 4, 3, 0, updates - 1);
      expect(await matrixOf(engine, layer, 'sketch/S')).toEqual(expected);
    }
  });

  test.each(['gaussian', 'subcolumn'] as const)(
    '%s: a refresh of an empty window keeps factor and sketch',
    async (sketch) => {
      const { engine, layer } = fresh({ sketch });
      observe(engine, layer, batch);
      layer.refresh();
      const [P, draws] = [await apply(engine, layer, G), numberOf(layer, 'sketch/draws')];
      const { diagnostics } = layer;
      layer.refresh();
      expect(await apply(engine, layer, G)).toEqual(P);
      expect(numberOf(layer, 'sketch/draws')).toBe(draws);
      expect(layer.diagnostics).toEqual(diagnostics);
    },
  );

  test.each(['gaussian', 'subcolumn'] as const)('%s: P waits for the refresh', async (sketch) => {
    const { engine, layer } = fresh({ sketch, damping: 0.5 });
    observe(engine, layer, batch);
    expect(await apply(engine, layer, G)).toEqual(combine(2, G, 0, G));
  });

  test('layers, draws and seeds all have sketches of their own', async () => {
    const sketches: string[] = [];
    for (const seed of [0, 1]) {
      const engine = cpuEngine('float64');
      const shapes = ['a', 'b', 'c'].map((name) => ({ name, ...SIZE }));
      for (const layer of nysactPreconditioner({ rank: 4, seed }).init(engine, shapes)) {
        for (let draw = 0; draw < 3; draw++) {
          sketches.push(String((await matrixOf(engine, layer, 'sketch/S')).data));
          observe(engine, layer, batch);
          layer.refresh();
        }
      }
    }
    expect(new Set(sketches).size).toBe(18);
  });
});

/** A source that knows one sketch only. */
function sameSketchAlways(S: Matrix): SketchSource {
  return ({ dtype }) => ({
    kind: 'gaussian',
    inputs: S.rows,
    width: S.cols,
    S: denseSketch({ kind: 'gaussian', inputs: S.rows, width: S.cols, S }, dtype),
  });
}

/** A source that changes its kind after the first draw. */
const fickle: SketchSource = ({ draw, shape, dtype }) =>
  drawSketch(draw === 0 ? 'gaussian' : 'subcolumn', shape, dtype, randomKey(0));

describe('sketches of one’s own', () => {
  const shapes = [
    { name: 'first', ...SIZE },
    { name: 'exact', inputs: 2, outputs: 1 },
    { name: 'third', inputs: 9, outputs: 2 },
  ];

  test('are asked for by layer, draw, shape and dtype; layers without a sketch do not ask', () => {
    const requests: unknown[] = [];
    const sketch: SketchSource = ({ layer, draw, shape, dtype }) => {
      requests.push({ layer, draw, shape, dtype });
      return drawSketch('subcolumn', shape, dtype, randomKey(0));
    };
    const engine = cpuEngine('float32');
    const [first] = nysactPreconditioner({ rank: 3, oversample: 1, sketch }).init(engine, shapes);
    observe(engine, first, decayingBatch(1, 5, 1));
    first.refresh();
    expect(requests).toEqual([
      { layer: 0, draw: 0, shape: { inputs: p, width: 4 }, dtype: 'float32' },
      { layer: 2, draw: 0, shape: { inputs: 9, width: 4 }, dtype: 'float32' },
      { layer: 0, draw: 1, shape: { inputs: p, width: 4 }, dtype: 'float32' },
    ]);
  });

  test('of another shape are refused', () => {
    const sketch: SketchSource = ({ dtype }) =>
      drawSketch('gaussian', { inputs: p, width: 2 }, dtype, randomKey(0));
    const preconditioner = nysactPreconditioner({ rank: 3, sketch });
    expect(() => preconditioner.init(cpuEngine('float64'), shapes)).toThrow(
      new RangeError(`sketch: draw 0 is ${p}×2, expected ${p}×3`),
    );
  });

  test('may not change their kind', () => {
    const engine = cpuEngine('float64');
    const layer = only(nysactPreconditioner({ rank: 3, sketch: fickle }), engine, SIZE);
    observe(engine, layer, decayingBatch(1, 5, 1));
    expect(() => layer.refresh()).toThrow(TypeError);
  });
});
