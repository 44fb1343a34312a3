// SketchySGD on logistic regression: what its steps take off the loss, however ill-conditioned the features are.

import { EigenvalueDecomposition, Matrix as MlMatrix, solve } from 'ml-matrix';
import { expect, test } from 'vitest';
import { upload } from '../../src/backend/backend.js';
import { cpuBackend } from '../../src/backend/cpu.js';
import { EPSILON } from '../../src/core/dtype.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { sgd } from '../../src/optimize/optimizers.js';
import { sketchySgd } from '../../src/optimize/systems.js';
import type { Transform } from '../../src/optimize/transform.js';
import { build, gaussian, type Matrix, uniform } from '../support/matrices.js';
import { SEED } from '../support/seed.js';

const backend = cpuBackend('float64');

/** f(w) = (1/n)Σ log(1 + exp(xᵢᵀw)) − yᵢxᵢᵀw + λ‖w‖²/2. */
class Logistic {
  readonly features: number;
  readonly #X: MlMatrix;
  readonly #Xt: MlMatrix;
  readonly #labels: readonly number[];
  readonly #lambda: number;

  constructor(X: Matrix, labels: readonly number[], lambda: number) {
    this.features = X.cols;
    this.#X = new MlMatrix(X.toArrays());
    this.#Xt = this.#X.transpose();
    this.#labels = labels;
    this.#lambda = lambda;
  }

  logits(w: readonly number[]): number[] {
    return this.#X.mmul(MlMatrix.columnVector([...w])).to1DArray();
  }

  loss(w: readonly number[]): number {
    const logits = this.logits(w);
    const sum = logits.reduce(
      (total, z, i) => total + Math.log1p(Math.exp(z)) - this.#labels[i] * z,
      0,
    );
    return sum / logits.length + (this.#lambda * w.reduce((s, x) => s + x * x, 0)) / 2;
  }

  gradient(w: readonly number[]): number[] {
    const errors = this.logits(w).map((z, i) => 1 / (1 + Math.exp(-z)) - this.#labels[i]);
    const along = this.#Xt.mmul(MlMatrix.columnVector(errors)).to1DArray();
    return w.map((x, j) => along[j] / errors.length + this.#lambda * x);
  }

  /** H(w); at w = 0 it is the largest of all. */
  hessian(w: readonly number[]): MlMatrix {
    const p = this.logits(w).map((z) => 1 / (1 + Math.exp(-z)));
    const weighted = this.#X.clone();
    p.forEach((pi, i) => {
      weighted.mulRow(i, (pi * (1 - pi)) / p.length);
    });
    const ridge = MlMatrix.eye(this.features).mul(this.#lambda);
    return this.#Xt.mmul(weighted).add(ridge);
  }

  /** Newton's method, until rounding ends it. */
  minimiser(): number[] {
    let w = Array.from({ length: this.features }, () => 0);
    for (let k = 0; k < 30; k++) {
      const d = solve(this.hessian(w), MlMatrix.columnVector(this.gradient(w))).to1DArray();
      w = w.map((x, j) => x - d[j]);
    }
    return w;
  }
}

const column = (v: readonly number[]): Matrix => build(v.length, 1, (i) => v[i]);

/** The weights from 0 on, one a step, and the optimiser that makes them. */
function* descent(
  problem: Logistic,
  transform: Transform,
): Generator<{ w: number[]; optimizer: Optimizer<'float64'> }> {
  const shape = { rows: problem.features, cols: 1 };
  const slot = backend.allocate(shape.rows, 1);
  const optimizer = new Optimizer({ backend, transform, parameters: [shape] });
  for (;;) {
    const w = Array.from(backend.readSync(slot).data);
    yield { w, optimizer };
    const H = optimizer.needs.curvature ? problem.hessian(w) : undefined;
    optimizer.step([upload(backend, column(problem.gradient(w)))], [slot], [], {
      hessianProduct:
        H &&
        (([V], [P]) => {
          const v = MlMatrix.columnVector(Array.from(backend.readSync(V).data));
          backend.write(P, column(H.mmul(v).to1DArray()));
        }),
    });
  }
}

/** Steps until f is within `share` of its first distance from the minimum, at most `most`. */
function steps(problem: Logistic, transform: Transform, share: number, most: number): number {
  const minimum = problem.loss(problem.minimiser());
  let [k, first] = [0, 0];
  for (const { w } of descent(problem, transform)) {
    const distance = problem.loss(w) - minimum;
    if (k === 0) first = distance;
    if (k === most || distance <= share * first) return k;
    k++;
  }
  return most;
}

test('at full rank the steps that it takes do not grow with the condition, those of SGD do', () => {
  const [examples, features, MOST] = [60, 6, 3000];
  const scales = [1, 10, 100];
  const problems = scales.map((scale) => {
    const noise = gaussian(uniform(SEED + 1), examples, features);
    const X = build(examples, features, (i, j) => noise.at(i, j) * scale ** (-j / (features - 1)));
    const labels = Array.from({ length: examples }, (_, i) =>
      noise.at(i, 0) + noise.at(i, 1) + noise.at(i, features - 1) > 0 ? 1 : 0,
    );
    return new Logistic(X, labels, 1e-2 / scale ** 2);
  });
  const ours = problems.map((problem, i) => {
    const damping = 1e-3 / scales[i] ** 2;
    const transform = sketchySgd({ learningRate: 0.5, rank: features, damping, refreshEvery: 3 });
    return steps(problem, transform, 1e-6, MOST);
  });
  const theirs = problems.map((problem) => steps(problem, sgd({ learningRate: 2 }), 1e-6, MOST));
  expect(Math.max(...ours)).toBeLessThanOrEqual(3 * Math.min(...ours));
  expect(theirs[1]).toBeGreaterThanOrEqual(5 * theirs[0]);
  expect(theirs[2]).toBe(MOST);
});

/*
 * At rank r < d, with E = H − Ĥ what the sketch leaves:
 *
 * 1. Ĥ ⪯ H, and E[tr E] ≤ (1 + k/(r−k−1))·(λ_{k+1} + … + λ_d) for every k < r − 1 (Tropp et al. 2017, Theorem 4.1),
 *    which holds of the mean over all steps too. ρ is twice that bound for the largest Hessian M = H(0), so that a
 *    single E keeps within it as well, which is looked at: tr E = tr H − Σλ̂.
 * 2. Then H ⪯ P = Ĥ + ρI, as E ⪯ tr(E)I; and H ⪰ μI and H ⪰ Ĥ give H ⪰ μ/(μ + ρ)·P.
 * 3. p(1 − p) = 1/(4cosh²(z/2)) of a logit z, so that all Hessians where |z| ≤ Z lie between M/c and M with
 *    c = cosh²(Z/2). Hence between μ/(μ + ρ)/c·P and cP, with μ = λ_d(M)/c.
 * 4. A step at the rate 1/c takes at least the share μ/(μ + ρ)/c² of what f is above its minimum.
 *
 * ρ/μ is of the tail of the spectrum alone: neither λ₁/λ_d nor the scales of features are in it.
 */
test('at a rank below d a step takes a share that what the sketch leaves determines, not the condition', () => {
  const [examples, d, r, k] = [600, 12, 8, 2];
  const [c, share] = [2, 1e-4];
  const Z = 2 * Math.acosh(Math.sqrt(c));
  const bounds: number[] = [];
  for (const scale of [10, 1000]) {
    const noise = gaussian(uniform(SEED + 2), examples, d);
    const coins = uniform(SEED + 3);
    const labels = Array.from({ length: examples }, () => (coins() < 0.5 ? 1 : 0));
    const X = build(examples, d, (i, j) => noise.at(i, j) * (j < k ? 1 : 1 / scale));
    const problem = new Logistic(X, labels, 1e-3 / scale ** 2);
    const M = problem.hessian(Array.from({ length: d }, () => 0));
    const spectrum = new EigenvalueDecomposition(M).realEigenvalues.toSorted((a, b) => b - a);
    const tail = spectrum.slice(k).reduce((sum, x) => sum + x, 0);
    const expected = (1 + k / (r - k - 1)) * tail;
    const rho = 2 * expected;
    const mu = spectrum[d - 1] / c;
    const taken = mu / (mu + rho) / c ** 2;
    const minimiser = problem.minimiser();
    const minimum = problem.loss(minimiser);
    const first = Math.LN2 - minimum;
    const within = (w: readonly number[]) => Math.max(...problem.logits(w).map(Math.abs));
    expect(within(minimiser)).toBeLessThanOrEqual(Z);
    const most = Math.ceil(Math.log(1 / share) / taken);
    bounds.push(most);
    // Of sums of n terms of at most log(1 + exp(Z)).
    const rounding = 2 * examples * EPSILON.float64 * (Z + Math.LN2);
    const settings = { learningRate: 1 / c, rank: r, damping: rho, refreshEvery: 1 };
    let [count, before, trace, total] = [0, first, 0, 0];
    for (const { w, optimizer } of descent(problem, sketchySgd(settings))) {
      const above = problem.loss(w) - minimum;
      if (count > 0) {
        const { eigenvalues } = optimizer.diagnostics[0].found;
        if (!(eigenvalues instanceof Float64Array)) throw new TypeError('no eigenvalues');
        const left = trace - Array.from(eigenvalues).reduce((sum, x) => sum + x, 0);
        expect(left).toBeLessThanOrEqual(rho);
        total += left;
        expect(within(w)).toBeLessThanOrEqual(Z);
        expect(above).toBeLessThanOrEqual((1 - taken) * before + rounding);
      }
      if (above <= share * first) break;
      expect(count).toBeLessThan(most);
      [before, trace] = [above, problem.hessian(w).trace()];
      count++;
    }
    expect(total).toBeLessThanOrEqual(count * expected);
    // The rate of SGD is bounded by the largest eigenvalue, and of the small ones it takes next to nothing.
    if (scale > 10)
      expect(steps(problem, sgd({ learningRate: 1 / spectrum[0] }), share, most)).toBe(most);
  }
  expect(Math.max(...bounds)).toBeLessThanOrEqual(1.01 * Math.min(...bounds));
});
