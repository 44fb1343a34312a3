import { expect, test } from 'vitest';
import { Rotations } from '../../src/linalg/rotations.js';
import { gaussian, uniform } from '../support/matrices.js';

test.each([
  ['fewer columns than a strip', 7, 5, 40],
  ['several strips', 20, 70, 300],
  ['more rotations than the queue holds', 200, 40, 40_000],
  ['a full queue of a small matrix', 2, 3, 50],
])('a queue of rotations does what they do one by one: %s', (_, rows, cols, count) => {
  const Z = gaussian(uniform(rows), rows, cols);
  const expected = Z.toArrays();
  const rotations = new Rotations(Z);
  const random = uniform(cols);
  let i = 0;
  for (let k = 0; k < count; k++) {
    // Mostly up by one row, as a QL sweep goes, with jumps between sweeps.
    i = i === 0 || random() < 0.2 ? Math.floor(random() * (rows - 1)) : i - 1;
    const angle = 2 * Math.PI * random();
    const c = Math.cos(angle);
    const s = Math.sin(angle);
    rotations.add(i, c, s);
    const upper = expected[i];
    const lower = expected[i + 1];
    expected[i] = upper.map((y, j) => c * y - s * lower[j]);
    expected[i + 1] = upper.map((y, j) => s * y + c * lower[j]);
  }
  rotations.flush();
  expect(Z.toArrays()).toEqual(expected);
});

test('what is flushed once is not applied again, nor with what comes after it', () => {
  const Z = gaussian(uniform(1), 3, 2);
  const rotations = new Rotations(Z);
  const [c, s] = [0.6, 0.8];
  const add = (i: number) => rotations.add(i, c, s);
  add(1);
  add(0);
  rotations.flush();
  const once = Z.toArrays();
  rotations.flush();
  expect(Z.toArrays()).toEqual(once);
  // A shorter queue, before what is left of the longer one.
  add(1);
  rotations.flush();
  const [first, upper, lower] = once;
  const expected = [
    first,
    upper.map((y, j) => c * y - s * lower[j]),
    upper.map((y, j) => s * y + c * lower[j]),
  ];
  expect(Z.toArrays()).toEqual(expected);
});
