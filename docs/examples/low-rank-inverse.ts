// A gradient times the damped inverse of a second moment, by a sketch of rank r and exactly: how far apart
// they are, and how far the theory lets them be.

import { activationSketch, type DenseMatrix, zeros } from 'nysact';
import { axpby, eigvalsh, frobeniusNorm, gemm, identity, spdInverse, syrk } from 'nysact/linalg';
import { fillNormal, foldIn, randomKey } from 'nysact/random';

const [examples, inputs, outputs, rank, damping] = [512, 200, 50, 20, 0.1];

/** A matrix of independent normal numbers. */
function gaussian(draw: number, rows: number, cols: number): DenseMatrix<'float64'> {
  const A = zeros('float64', rows, cols);
  fillNormal(foldIn(randomKey(1), draw), A.data);
  return A;
}

const X = gaussian(0, examples, inputs); // activations whose variances fall as those of a network do
for (let i = 0; i < examples; i++) {
  for (let j = 0; j < inputs; j++) X.set(i, j, X.at(i, j) / (j + 1));
}
const G = gaussian(1, outputs, inputs); // a gradient

// By the sketch: neither A = XᵀX/m nor its inverse is ever formed.
const sketch = activationSketch({ inputs, rank, seed: 1 });
for (let i = 0; i < examples; i += 128) sketch.observe(X.view(i, 0, 128, inputs)); // batch by batch
const factor = sketch.factor();
const P = factor.precondition(G, { damping });

// Exactly: P = G(A + ρI)⁻¹.
const A = zeros('float64', inputs, inputs);
syrk(1 / examples, X, 'T', 0, A, 'both');
const damped = identity('float64', inputs);
axpby(1, A, damping, damped);
const exact = zeros('float64', outputs, inputs);
gemm(1, G, 'N', spdInverse(damped), 'N', 0, exact);

// E = A − Â has no negative eigenvalue, so ‖(Â + ρI)⁻¹ − (A + ρI)⁻¹‖ ≤ ‖E‖/(ρ(‖E‖ + ρ)).
const scaled = zeros('float64', inputs, rank);
for (let i = 0; i < inputs; i++) {
  for (let j = 0; j < rank; j++) scaled.set(i, j, factor.U.at(i, j) * factor.eigenvalues[j]);
}
const E = zeros('float64', inputs, inputs);
axpby(1, A, 0, E);
gemm(-1, scaled, 'N', factor.U, 'T', 1, E);
const missed = Math.max(...eigvalsh(E));

axpby(-1, exact, 1, P);
/** ‖P − exact‖F/‖exact‖F. */
export const error: number = frobeniusNorm(P) / frobeniusNorm(exact);
/** What it can be at most. */
export const bound: number =
  ((missed / (damping * (missed + damping))) * frobeniusNorm(G)) / frobeniusNorm(exact);

console.log(`second moment  ${inputs}×${inputs}, its sketch ${inputs}×${rank}`);
console.log(`‖A − Â‖        ${missed.toExponential(2)}, ρ = ${damping}`);
console.log(`error of P     ${error.toExponential(2)}`);
console.log(`at most        ${bound.toExponential(2)}`);
