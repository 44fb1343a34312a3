// The life of NysAct's sketches: when they are drawn, and from what.

import { describe, expect, test } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { foldIn, randomKey } from '../../src/core/random.js';
import { type NysactOptions, nysactMethod } from '../../src/precondition/nysact.js';
import type { SketchSource } from '../../src/precondition/sketching.js';
import { publishedNysactMethod } from '../../src/published/nysact.js';
import { drawSketch } from '../../src/sketch/distributions.js';
import { denseSketch } from '../../src/sketch/sketch.js';
import { combine, type Matrix } from '../support/matrices.js';
import { decayingBatch, SIZE, sketchOf } from './decaying.js';
import { apply, matrixOf, numberOf, observe, only, randomGradient, start } from './runs.js';

const { inputs: p } = SIZE;

function fresh(options: NysactOptions) {
  const backend = cpuBackend('float64');
  return { backend, layer: only(nysactMethod({ rank: 4, ...options }), backend, SIZE) };
}

describe('the life of a sketch', () => {
  const G = randomGradient(1, SIZE);
  const batch = decayingBatch(3, 20, 0.8);

  test('restart: a refresh closes the window, draws anew and starts to count from 0', async () => {
    const { backend, layer } = fresh({ seed: 3 });
    expect(await matrixOf(backend, layer, 'sketch/S')).toEqual(sketchOf('gaussian', 4, 3));
    observe(backend, layer, batch);
    observe(backend, layer, batch);
    expect(numberOf(layer, 'C/updates')).toBe(2);
    for (const draw of [1, 2]) {
      layer.refresh();
      expect(numberOf(layer, 'C/updates')).toBe(0);
      expect(await matrixOf(backend, layer, 'sketch/S')).toEqual(
        sketchOf('gaussian', 4, 3, 0, draw),
      );
      observe(backend, layer, batch);
    }
  });

  test('restart: a window knows nothing of the one before', async () => {
    const S = sketchOf('gaussian', 4, 1);
    const sketch = sameSketchAlways(S);
    const [one, two] = [fresh({ sketch, tail: true }), fresh({ sketch, tail: true })];
    observe(one.backend, one.layer, decayingBatch(8, 20, 0.5));
    one.layer.refresh();
    for (const { backend, layer } of [one, two]) {
      observe(backend, layer, batch);
      layer.refresh();
    }
    expect(await apply(one.backend, one.layer, G)).toEqual(await apply(two.backend, two.layer, G));
  });

  test('fixed: one sketch for ever, and the average goes on', async () => {
    const { backend, layer } = fresh({ policy: 'fixed', seed: 3 });
    for (const updates of [1, 2, 3]) {
      observe(backend, layer, batch);
      layer.refresh();
      expect(numberOf(layer, 'C/updates')).toBe(updates);
      expect(await matrixOf(backend, layer, 'sketch/S')).toEqual(sketchOf('gaussian', 4, 3));
    }
  });

  test('published: a new sketch at every observation, and the average goes on', async () => {
    const backend = cpuBackend('float64');
    const draws: number[] = [];
    const sketch: SketchSource = ({ layer, draw, shape, dtype }) => {
      draws.push(draw);
      return drawSketch('gaussian', shape, dtype, foldIn(foldIn(randomKey(3), layer), draw));
    };
    const [own, seeded] = [{ sketch }, { seed: 3 }].map((options) =>
      only(publishedNysactMethod({ rank: 4, ...options }), backend, SIZE),
    );
    for (const updates of [1, 2, 3, 4]) {
      for (const layer of [own, seeded]) observe(backend, layer, batch);
      expect(draws.splice(0)).toEqual([updates - 1]);
      if (updates % 2 === 0) {
        for (const layer of [own, seeded]) layer.refresh();
        // The factor is made with the newest.
        expect(draws.splice(0)).toEqual([updates - 1]);
      }
      expect(numberOf(own, 'C/updates')).toBe(updates);
      const C = await matrixOf(backend, own, 'C/average');
      expect(await matrixOf(backend, seeded, 'C/average')).toEqual(C);
    }
  });

  test.each(['gaussian', 'subcolumn'] as const)(
    '%s: a refresh of an empty window keeps factor and sketch',
    async (sketch) => {
      const { backend, layer } = fresh({ sketch });
      observe(backend, layer, batch);
      layer.refresh();
      const [P, draws] = [await apply(backend, layer, G), numberOf(layer, 'sketch/draws')];
      const { diagnostics } = layer;
      layer.refresh();
      expect(await apply(backend, layer, G)).toEqual(P);
      expect(numberOf(layer, 'sketch/draws')).toBe(draws);
      expect(layer.diagnostics).toEqual(diagnostics);
    },
  );

  test.each(['gaussian', 'subcolumn'] as const)('%s: P waits for the refresh', async (sketch) => {
    const { backend, layer } = fresh({ sketch, damping: 0.5 });
    observe(backend, layer, batch);
    expect(await apply(backend, layer, G)).toEqual(combine(2, G, 0, G));
  });

  test('layers, draws and seeds all have sketches of their own', async () => {
    const sketches: string[] = [];
    for (const seed of [0, 1]) {
      const backend = cpuBackend('float64');
      const shapes = ['a', 'b', 'c'].map((name) => ({ name, ...SIZE }));
      for (const layer of start(nysactMethod({ rank: 4, seed }), backend, shapes).layers) {
        for (let draw = 0; draw < 3; draw++) {
          sketches.push(String((await matrixOf(backend, layer, 'sketch/S')).data));
          observe(backend, layer, batch);
          layer.refresh();
        }
      }
    }
    expect(new Set(sketches).size).toBe(18);
  });
});

/** A source that knows one sketch only. */
function sameSketchAlways(S: Matrix): SketchSource {
  const sketch = { kind: 'dense', inputs: S.rows, width: S.cols, S } as const;
  return ({ dtype }) => ({ ...sketch, S: denseSketch(sketch, dtype) });
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
    const backend = cpuBackend('float32');
    const method = nysactMethod({ rank: 3, oversample: 1, sketch });
    const [first] = start(method, backend, shapes).layers;
    observe(backend, first, decayingBatch(1, 5, 1));
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
    const method = nysactMethod({ rank: 3, sketch });
    expect(() => start(method, cpuBackend('float64'), shapes)).toThrow(
      new RangeError(`sketch: draw 0 is ${p}×2, expected ${p}×3`),
    );
  });

  test('may not change their kind', () => {
    const backend = cpuBackend('float64');
    const layer = only(nysactMethod({ rank: 3, sketch: fickle }), backend, SIZE);
    observe(backend, layer, decayingBatch(1, 5, 1));
    expect(() => layer.refresh()).toThrow(TypeError);
  });
});
