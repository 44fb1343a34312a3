import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { philox4x32 } from '../../src/core/philox.js';

function philox(counter: readonly number[], key: readonly [number, number]): number[] {
  const out = new Uint32Array(4);
  philox4x32(Uint32Array.from(counter), key[0], key[1], out);
  return Array.from(out);
}

/** The same function from its definition, in integers of any size. */
function oracle(counter: readonly number[], key: readonly [number, number]): number[] {
  let [c0, c1, c2, c3] = counter.map(BigInt);
  let [k0, k1] = key.map(BigInt);
  const mask = 0xffffffffn;
  for (let round = 0; round < 10; round++) {
    const a = 0xd2511f53n * c0;
    const b = 0xcd9e8d57n * c2;
    [c0, c1, c2, c3] = [(b >> 32n) ^ c1 ^ k0, b & mask, (a >> 32n) ^ c3 ^ k1, a & mask];
    [k0, k1] = [(k0 + 0x9e3779b9n) & mask, (k1 + 0xbb67ae85n) & mask];
  }
  return [c0, c1, c2, c3].map(Number);
}

const word = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.constantFrom(0, 1, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffff0000, 0xffffffff),
);

describe('philox4x32', () => {
  test.each([
    {
      counter: [0, 0, 0, 0],
      key: [0, 0] as const,
      expected: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    },
    {
      counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      key: [0xffffffff, 0xffffffff] as const,
      expected: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    },
    {
      counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      key: [0xa4093822, 0x299f31d0] as const,
      expected: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    },
  ])('known answer of the published test vectors, key $key', ({ counter, key, expected }) => {
    expect(philox(counter, key)).toEqual(expected);
  });

  test.prop([fc.tuple(word, word, word, word), fc.tuple(word, word)], { numRuns: 500 })(
    'equals its definition in unbounded integers',
    (counter, key) => {
      expect(philox(counter, key)).toEqual(oracle(counter, key));
    },
  );
});
