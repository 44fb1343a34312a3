// How good a sketch of rank r is: ‖A − Â‖/‖A‖ for both distributions, beside the best that rank r allows.

import { activationSketch, type DenseMatrix, zeros } from 'nysact';
import { eigvalsh, gemm, syrk, thinQr } from 'nysact/linalg';
import { fillNormal, foldIn, randomKey } from 'nysact/random';
import type { SketchKind } from 'nysact/sketch';

const [examples, inputs] = [400, 100];
const seeds = [1, 2, 3, 4, 5, 6, 7];

/** A matrix of independent normal numbers. */
function gaussian(draw: number, rows: number, cols: number): DenseMatrix<'float64'> {
  const A = zeros('float64', rows, cols);
  fillNormal(foldIn(randomKey(1), draw), A.data);
  return A;
}

/** A, column j divided by j + 1. */
function falling(A: DenseMatrix<'float64'>): DenseMatrix<'float64'> {
  for (let i = 0; i < A.rows; i++) {
    for (let j = 0; j < A.cols; j++) A.set(i, j, A.at(i, j) / (j + 1));
  }
  return A;
}

// Activations with eigenvalues that fall as those of a network do, along directions of no coordinate.
const X = zeros('float64', examples, inputs);
const directions = thinQr(gaussian(0, inputs, inputs)).Q;
gemm(1, falling(gaussian(1, examples, inputs)), 'N', directions, 'T', 0, X);
const A = zeros('float64', inputs, inputs);
syrk(1 / examples, X, 'T', 0, A, 'both');
const spectrum = eigvalsh(A).toSorted((a, b) => b - a);

/** ‖A − Â‖/‖A‖ of one sketch. */
function errorOf(kind: SketchKind, rank: number, seed: number): number {
  const { U, eigenvalues } = activationSketch({ inputs, rank, kind, seed }).observe(X).factor();
  const scaled = zeros('float64', inputs, rank);
  for (let i = 0; i < inputs; i++) {
    for (let j = 0; j < rank; j++) scaled.set(i, j, U.at(i, j) * eigenvalues[j]);
  }
  const E = zeros('float64', inputs, inputs);
  syrk(1 / examples, X, 'T', 0, E, 'both');
  gemm(-1, scaled, 'N', U, 'T', 1, E); // A − Â
  return Math.max(...eigvalsh(E)) / spectrum[0];
}

/** The median over all seeds. */
function medianError(kind: SketchKind, rank: number): number {
  const errors = seeds.map((seed) => errorOf(kind, rank, seed)).toSorted((a, b) => a - b);
  return errors[(seeds.length - 1) / 2];
}

/** A line for every rank. */
export const table = [2, 5, 10, 20, 40].map((rank) => ({
  rank,
  best: spectrum[rank] / spectrum[0],
  gaussian: medianError('gaussian', rank),
  subcolumn: medianError('subcolumn', rank),
}));

console.table(
  table.map(({ rank, ...errors }) => ({
    rank,
    ...Object.fromEntries(
      Object.entries(errors).map(([name, value]) => [name, Number(value.toPrecision(2))]),
    ),
  })),
);
