// The operations of automatic augmentation: their laws, and how often each is drawn.

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import {
  drawRandAugment,
  drawTrivial,
  INCREASING,
  WIDE,
} from '../../bench/experiments/engine/automatic.js';
import type { Operation } from '../../bench/experiments/engine/image-operations.js';
import * as operations from '../../bench/experiments/engine/image-operations.js';
import { foldIn, randomKey } from '../../src/core/random.js';
import { SEED } from '../support/seed.js';
import { chiSquareLimit, normalLimit, SIGNIFICANCE } from '../support/statistics.js';

const picture = fc
  .integer({ min: 1, max: 7 })
  .chain((side) =>
    fc
      .uint8Array({ minLength: 3 * side * side, maxLength: 3 * side * side })
      .map((image) => ({ side, image })),
  );
const FILL = [1, 2, 3] as const;
/** Of each pixel the first byte. */
function reds(image: Uint8Array): number[] {
  return [...image].filter((_, i) => i % 3 === 0);
}

const byte = fc.integer({ min: 0, max: 255 });

describe('nothing changes', () => {
  const neutral: Readonly<Record<string, Operation>> = {
    identity: operations.identity,
    'brightness 1': operations.brightness(1),
    'contrast 1': operations.contrast(1),
    'colour 1': operations.colour(1),
    'sharpness 1': operations.sharpness(1),
    'all bits': operations.posterize(8),
    'a threshold that no byte has': operations.solarize(256),
    'nothing added': operations.solarizeAdd(0),
    'shear 0': operations.shearX(0, FILL),
    'shear 0 of columns': operations.shearY(0, FILL),
    'translation by 0': operations.translateX(0, FILL),
    'rotation by 0': operations.rotate(0, FILL),
  };
  for (const [name, operation] of Object.entries(neutral)) {
    test.prop([picture])(name, ({ image, side }) => {
      expect([...operation(image, side)]).toEqual([...image]);
    });
  }

  for (const level of [...WIDE, ...INCREASING]) {
    test.prop([picture, fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(1, -1)])(
      'of the image that is given',
      ({ image, side }, strength, sign) => {
        const before = image.slice();
        const after = level(strength, sign === 1 ? 1 : -1, side)(image, side);
        expect(image).toEqual(before);
        expect(after).toBeInstanceOf(Uint8Array);
        expect(after).toHaveLength(image.length);
      },
    );
  }
});

describe('values', () => {
  test.prop([picture])('inverted twice are themselves', ({ image, side }) => {
    const twice = operations.invert(operations.invert(image, side), side);
    expect([...twice]).toEqual([...image]);
    expect([...operations.solarize(0)(image, side)]).toEqual([...operations.invert(image, side)]);
  });

  test.prop([picture, fc.integer({ min: 0, max: 8 })])(
    'lose their lower bits, once and for all',
    ({ image, side }, bits) => {
      const once = operations.posterize(bits)(image, side);
      expect([...once]).toEqual([...image].map((x) => x - (x % 2 ** (8 - bits))));
      expect([...operations.posterize(bits)(once, side)]).toEqual([...once]);
    },
  );

  test.prop([picture])('stretched reach from 0 to 255 in each colour', ({ image, side }) => {
    const stretched = operations.autoContrast(image, side);
    for (let colour = 0; colour < 3; colour++) {
      const of = (all: Uint8Array): number[] => [...all].filter((_, i) => i % 3 === colour);
      const [before, after] = [of(image), of(stretched)];
      if (new Set(before).size === 1) expect(after).toEqual(before);
      else expect([Math.min(...after), Math.max(...after)]).toEqual([0, 255]);
    }
  });

  test.prop([picture])('equalised keep their order', ({ image, side }) => {
    const flat = operations.equalize(image, side);
    for (let i = 0; i < image.length; i++) {
      for (let j = i % 3; j < image.length; j += 3) {
        if (image[i] <= image[j]) expect(flat[i]).toBeLessThanOrEqual(flat[j]);
      }
    }
  });

  test('equalised are about as frequent', () => {
    // 4,096 pixels of the lower quarter of the values, which spread over all of them.
    const image = Uint8Array.from({ length: 3 * 64 ** 2 }, (_, i) => Math.floor(i / 3) % 64);
    const flat = [...operations.equalize(image, 64)];
    expect(Math.min(...flat)).toBeLessThanOrEqual(4);
    expect(Math.max(...flat)).toBeGreaterThanOrEqual(251);
  });

  test.prop([picture, byte])('brighter only where they are dark', ({ image, side }, amount) => {
    const added = operations.solarizeAdd(amount)(image, side);
    added.forEach((value, i) => {
      expect(value).toBe(image[i] < 128 ? Math.min(255, image[i] + amount) : image[i]);
    });
  });
});

describe('blending', () => {
  test.prop([picture])('at 0 is black, grey, or without colour', ({ image, side }) => {
    expect(new Set(operations.brightness(0)(image, side))).toEqual(new Set([0]));
    expect(new Set(operations.contrast(0)(image, side)).size).toBe(1);
    const grey = operations.colour(0)(image, side);
    for (let i = 0; i < grey.length; i += 3) {
      expect([grey[i + 1], grey[i + 2]]).toEqual([grey[i], grey[i]]);
    }
  });

  test.prop([byte, fc.integer({ min: 1, max: 6 }), fc.double({ min: 0, max: 2, noNaN: true })])(
    'leaves a grey image alone but for its brightness',
    (value, side, factor) => {
      const image = new Uint8Array(3 * side * side).fill(value);
      for (const operation of [operations.contrast, operations.colour, operations.sharpness]) {
        expect([...operation(factor)(image, side)]).toEqual([...image]);
      }
    },
  );

  test('smooths a point, but no border', () => {
    const image = new Uint8Array(3 * 25);
    image.fill(130, 3 * 12, 3 * 13);
    const smooth = reds(operations.sharpness(0)(image, 5));
    // A thirteenth of the neighbour, and five of oneself.
    const expected = [
      [0, 0, 0, 0, 0],
      [0, 10, 10, 10, 0],
      [0, 10, 50, 10, 0],
      [0, 10, 10, 10, 0],
      [0, 0, 0, 0, 0],
    ];
    expect(smooth).toEqual(expected.flat());
  });
});

describe('pixels', () => {
  test.prop([picture, fc.integer({ min: -8, max: 8 })])(
    'move by whole ones, and the fill comes after them',
    ({ image, side }, shift) => {
      const left = operations.translateX(shift, FILL)(image, side);
      const up = operations.translateY(shift, FILL)(image, side);
      for (let y = 0; y < side; y++) {
        for (let x = 0; x < side; x++) {
          for (let c = 0; c < 3; c++) {
            const at = (row: number, column: number): number =>
              row >= 0 && row < side && column >= 0 && column < side
                ? image[3 * (row * side + column) + c]
                : FILL[c];
            expect(left[3 * (y * side + x) + c]).toBe(at(y, x + shift));
            expect(up[3 * (y * side + x) + c]).toBe(at(y + shift, x));
          }
        }
      }
    },
  );

  test.prop([picture, fc.constantFrom(90, -90, 180)])(
    'turn by quarters without loss',
    ({ image, side }, degrees) => {
      const turned = operations.rotate(degrees, FILL)(image, side);
      const back = operations.rotate(-degrees, FILL)(turned, side);
      expect([...back]).toEqual([...image]);
    },
  );

  test('turn against the clock', () => {
    const image = Uint8Array.from([1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
    const turned = operations.rotate(90, FILL)(image, 2);
    expect([0, 3, 6, 9].map((i) => turned[i])).toEqual([2, 4, 1, 3]);
  });

  test('of a sheared image move with their distance from the middle', () => {
    const image = Uint8Array.from({ length: 27 }, (_, i) => Math.floor(i / 3));
    expect(reds(operations.shearX(1, FILL)(image, 3))).toEqual([1, 0, 1, 3, 4, 5, 7, 8, 1]);
    expect(reds(operations.shearY(1, FILL)(image, 3))).toEqual([1, 1, 5, 0, 4, 8, 3, 7, 1]);
  });
});

describe('draws', () => {
  // An image that all operations change.
  const side = 20;
  const image = Uint8Array.from({ length: 3 * side * side }, (_, i) => (37 * i) % 200);
  const changes = (operation: Operation): boolean =>
    operation(image, side).some((value, i) => value !== image[i]);

  test.prop([fc.nat()])('of one key are one operation', (seed) => {
    const key = randomKey(seed);
    const strong = { operations: 2, probability: 0.5, magnitude: 9, deviation: 0.5 };
    expect(drawTrivial(key, side)(image, side)).toEqual(drawTrivial(key, side)(image, side));
    expect(drawRandAugment(key, side, strong)(image, side)).toEqual(
      drawRandAugment(key, side, strong)(image, side),
    );
  });

  test('all operations of TrivialAugment are as likely', () => {
    // Three of them are told apart from all others by what they are.
    const fixed = [operations.identity, operations.autoContrast, operations.equalize];
    const draws = 2_000;
    const counts = [...fixed, undefined].map(() => 0);
    for (let k = 0; k < draws; k++) {
      const which = fixed.indexOf(drawTrivial(foldIn(randomKey(SEED), k), side));
      counts[which < 0 ? fixed.length : which] += 1;
    }
    const shares = [1, 1, 1, WIDE.length - 3].map((n) => (n * draws) / WIDE.length);
    const statistic = counts.reduce((sum, n, k) => sum + (n - shares[k]) ** 2 / shares[k], 0);
    expect(statistic).toBeLessThan(chiSquareLimit(3, SIGNIFICANCE));
  });

  test('RandAugment carries its operations out as often as it is told to', () => {
    const draws = 1_000;
    const strong = { operations: 1, probability: 0.5, magnitude: 9, deviation: 0.5 };
    let changed = 0;
    for (let k = 0; k < draws; k++) {
      changed += Number(changes(drawRandAugment(foldIn(randomKey(SEED), k), side, strong)));
    }
    const bound = normalLimit(SIGNIFICANCE) * (Math.sqrt(draws) / 2);
    expect(Math.abs(changed - draws / 2)).toBeLessThan(bound);
    const never = { ...strong, operations: 3, probability: 0 };
    expect(changes(drawRandAugment(randomKey(SEED), side, never))).toBe(false);
  });
});
