import { expect, test } from 'vitest';
import { nearestName } from '../../src/core/nearest-name.js';

const SGD = ['learningRate', 'momentum', 'nesterov', 'weightDecay'];
const ADAM = ['learningRate', 'beta1', 'beta2', 'epsilon', 'weightDecay'];

test.each([
  ['learningrate', SGD, 'learningRate'],
  ['learning_rate', SGD, 'learningRate'],
  ['lr', SGD, 'learningRate'],
  ['lr', ['maxFailures', ...SGD], 'learningRate'],
  ['wd', SGD, 'weightDecay'],
  ['momentun', SGD, 'momentum'],
  ['mometnum', SGD, 'momentum'],
  ['weight_decay', ADAM, 'weightDecay'],
  ['eps', ADAM, 'epsilon'],
  ['beta_2', ADAM, 'beta2'],
])('%s is a short or mistaken form of one of %o', (given, names, meant) => {
  expect(nearestName(given, names)).toBe(meant);
});

test.each(['colour', 'rank', 'eps', '3'])('%s is like no option of SGD', (given) => {
  expect(nearestName(given, SGD)).toBeUndefined();
});
