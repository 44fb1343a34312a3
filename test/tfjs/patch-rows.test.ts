// Rows of a convolution on tensors, by the contract of rows, against the patches that the host makes.

import { fc } from '@fast-check/vitest';
import type { Rank } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { type ConvolutionGeometry, plan } from '../../src/rows/convolution.js';
import { extractPatches } from '../../src/rows/images.js';
import { tfjsBackend } from '../../src/tfjs/index.js';
import { tensorPatchRows } from '../../src/tfjs/rows/patches.js';
import { elements, geometries, integers } from '../rows/images.js';
import { type Draft, describeRowsAt } from '../rows/rows.contract.js';
import { build } from '../support/matrices.js';
import { tf } from './backends.js';

type F32 = 'float32';

/** One group of a convolution over images of small integers, with a bias or without. */
function drafts(backend: ReturnType<typeof tfjsBackend>): fc.Arbitrary<Draft<F32>> {
  return fc
    .record({
      full: geometries,
      seed: fc.nat(),
      bias: fc.boolean(),
      // One example at a time, or all at once.
      strip: fc.constantFrom(1, undefined),
    })
    .map(({ full, seed, bias, strip }) => {
      const geometry: ConvolutionGeometry = { ...full, layout: 'channelsLast' };
      const { batch, height, width, channels } = full;
      const group = seed % full.groups;
      const images = integers('float32', elements(geometry), seed);
      const patches = extractPatches(images, geometry)[group];
      const own = channels / full.groups;
      return {
        make: () =>
          tensorPatchRows(
            { tf, backend },
            {
              images: tf.tidy(() =>
                tf.slice(
                  tf.tensor4d(images, [batch, height, width, channels]),
                  [0, 0, 0, group * own],
                  [batch, height, width, own],
                ),
              ),
              plan: plan('test', { ...geometry, channels: own, groups: 1 }),
              bias,
              strip,
            },
          ),
        X: build(patches.rows, patches.cols + (bias ? 1 : 0), (i, j) =>
          j === patches.cols ? 1 : patches.at(i, j),
        ),
        weights: undefined,
      };
    });
}

for (const name of ['cpu', 'wasm'] as const) {
  await tf.setBackend(name);
  const backend = tfjsBackend(tf);
  describe(`patches on the ${name} backend of TensorFlow.js`, () => {
    beforeAll(() => tf.setBackend(name));

    test('the bound holds where the squares of the pixels leave the range of float32', () => {
      const images = tf.ones([2, 8, 8, 2]).mul(3e17);
      const geometry = {
        batch: 2,
        height: 8,
        width: 8,
        channels: 2,
        layout: 'channelsLast',
      } as const;
      const rows = tensorPatchRows(
        { tf, backend },
        {
          images: images.as4D(2, 8, 8, 2),
          plan: plan('test', { ...geometry, kernel: [2, 2] }),
          bias: false,
        },
      );
      images.dispose();
      expect(rows.bound()).toBeGreaterThanOrEqual(rows.rows * rows.cols * 3e17 ** 2 * (1 - 1e-6));
      rows.dispose();
    });

    test('a sketch takes no more memory for many examples than for those of a strip', async () => {
      const [size, r] = [6, 8];
      const geometry = { height: size, width: size, channels: 1, layout: 'channelsLast' } as const;
      /** The largest tensor that Xᵀ(XS) makes on its way. */
      const largest = async (batch: number, strip: number): Promise<number> => {
        const images = tf.ones<Rank.R4>([batch, size, size, 1]);
        const shape = plan('test', { batch, ...geometry, kernel: [3, 3], padding: 'same' });
        const rows = tensorPatchRows({ tf, backend }, { images, plan: shape, bias: false, strip });
        const [S, C] = [backend.allocate(9, r), backend.allocate(9, r)];
        const { kernels } = await tf.profile(() => {
          rows.sketchMoment({ kind: 'dense', S }, 1, 0, C);
          return tf.scalar(0);
        });
        rows.dispose();
        for (const slot of [S, C]) backend.free(slot);
        const sizes = kernels.flatMap(({ outputShapes }) =>
          outputShapes.map((one) => one.reduce((product, length) => product * length, 1)),
        );
        return Math.max(...sizes);
      };
      const strip = 2 * size * size * r;
      expect(await largest(64, strip)).toBeLessThanOrEqual(await largest(2, strip));
    });

    describeRowsAt(
      { dtype: 'float32', backend, live: () => tf.memory().numTensors },
      drafts(backend),
    );
  });
}
