import { describe, expect, test } from 'vitest';
import {
  isBreakdown,
  NonFiniteError,
  NotConvergedError,
  NotPositiveDefiniteError,
  PreconditionerError,
} from '../../src/core/errors.js';

describe('typed errors', () => {
  test('NotPositiveDefiniteError carries the pivot', () => {
    const error = new NotPositiveDefiniteError(3, -0.5);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'NotPositiveDefiniteError',
      pivot: 3,
      message: 'the matrix is not positive definite: pivot 3 is -0.5, expected a finite number > 0',
    });
  });

  test('NotConvergedError carries the sweeps', () => {
    expect(new NotConvergedError('eigh', 30)).toMatchObject({
      name: 'NotConvergedError',
      sweeps: 30,
      message: 'eigh: no convergence within 30 sweeps',
    });
  });

  test('NonFiniteError names the quantity', () => {
    expect(new NonFiniteError('C')).toMatchObject({
      name: 'NonFiniteError',
      message: 'C holds NaN or Infinity',
    });
  });

  test('PreconditionerError carries the failures and their last cause', () => {
    const cause = new NonFiniteError('C');
    expect(new PreconditionerError('layer 2', 5, cause)).toMatchObject({
      name: 'PreconditionerError',
      failures: 5,
      cause,
      message:
        'layer 2: the refresh broke down 5 times in a row: NonFiniteError: C holds NaN or Infinity',
    });
  });
});

describe('isBreakdown', () => {
  test.each([
    new NotPositiveDefiniteError(0, Number.NaN),
    new NotConvergedError('eigh', 1),
    new NonFiniteError('C'),
  ])('$name is survived', (error) => {
    expect(isBreakdown(error)).toBe(true);
  });

  test.each([
    new PreconditionerError('layer', 1, undefined),
    new RangeError('misuse'),
    new TypeError('misuse'),
    new Error('anything'),
    'NonFiniteError',
    undefined,
    null,
  ])('%s is not', (error) => {
    expect(isBreakdown(error)).toBe(false);
  });
});
