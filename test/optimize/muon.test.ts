// Muon, Newton-Muon and grafting: which parameters they reach, and what they make of them.

import { fc, test } from '@fast-check/vitest';
import { SingularValueDecomposition } from 'ml-matrix';
import { describe, expect } from 'vitest';
import { cpuBackend } from '../../src/backend/cpu.js';
import { EPSILON } from '../../src/core/dtype.js';
import { toMlMatrix } from '../../src/ml-matrix.js';
import { scaleByAdam } from '../../src/optimize/adam.js';
import { descend } from '../../src/optimize/descend.js';
import { graft } from '../../src/optimize/graft.js';
import { momentum } from '../../src/optimize/momentum.js';
import { muon, newtonMuon } from '../../src/optimize/muon.js';
import { Optimizer } from '../../src/optimize/optimizer.js';
import { adam, sgd } from '../../src/optimize/optimizers.js';
import { orthogonalize } from '../../src/optimize/orthogonalize.js';
import { precondition } from '../../src/optimize/precondition.js';
import { refuseOverflow } from '../../src/optimize/refuse-overflow.js';
import { scaleBy } from '../../src/optimize/scale.js';
import { nystromShampoo, shampoo } from '../../src/optimize/shampoo.js';
import { chain, type Transform } from '../../src/optimize/transform.js';
import { nysactMethod } from '../../src/precondition/nysact.js';
import { shampooMethod } from '../../src/precondition/shampoo.js';
import { placeRounded } from '../support/backends.js';
import { build, distance, gaussian, type Matrix, norm, uniform } from '../support/matrices.js';
import { BODY, begin, HEAD, moved, step } from './groups.js';
import { flat, randomStart, updates } from './rules.js';

const backend = cpuBackend('float64');

/** What becomes of one gradient each of parameters of any shape, of these layers. */
async function made(
  transform: Transform,
  gradients: readonly Matrix[],
  layers: ConstructorParameters<typeof Optimizer>[0]['layers'] = [],
): Promise<Matrix[]> {
  const parameters = gradients.map(({ rows, cols }) => backend.allocate(rows, cols));
  const optimizer = new Optimizer({
    backend,
    transform: chain(transform, descend(1)),
    parameters,
    layers,
  });
  optimizer.step(
    gradients.map((G) => placeRounded(backend, G)),
    parameters,
  );
  return parameters.map((theta) => {
    const moves = backend.readSync(theta);
    return build(theta.rows, theta.cols, (i, j) => -moves.at(i, j));
  });
}

const singularValues = (A: Matrix) =>
  new SingularValueDecomposition(toMlMatrix(A), { autoTranspose: true }).diagonal;

/** Columns of the one and then of the other. */
function beside(left: Matrix, right: Matrix): Matrix {
  return build(left.rows, left.cols + right.cols, (i, j) =>
    j < left.cols ? left.at(i, j) : right.at(i, j - left.cols),
  );
}

describe('orthogonalize', () => {
  const length = fc.integer({ min: 2, max: 6 });

  test.prop([length, length, fc.nat(1_000_000)])(
    'makes singular values of √max(1, q/p), within its interval',
    async (q, p, seed) => {
      const G = gaussian(uniform(seed), q, p);
      const [O] = await made(orthogonalize(), [G]);
      const scale = Math.sqrt(Math.max(1, q / p));
      const given = singularValues(G);
      singularValues(O).forEach((value, k) => {
        expect(value).toBeLessThanOrEqual(1.21 * scale);
        if (given[k] >= 0.002 * norm(G)) expect(value).toBeGreaterThanOrEqual(0.68 * scale);
      });
    },
  );

  test('takes weight and bias of a layer side by side, other matrices alone, and leaves vectors', async () => {
    const random = uniform(3);
    const [W, b, V, v] = [[3, 4] as const, [3, 1] as const, [5, 2] as const, [5, 1] as const].map(
      ([rows, cols]) => gaussian(random, rows, cols),
    );
    const [w, c, alone, vector] = await made(
      orthogonalize(),
      [W, b, V, v],
      [{ weight: 0, bias: 1 }],
    );
    const [joined] = await made(orthogonalize(), [beside(W, b)]);
    expect(beside(w, c)).toEqual(joined);
    expect([alone]).toEqual(await made(orthogonalize(), [V]));
    expect(vector).toEqual(v);
    // Without its layer a weight is a matrix by itself.
    expect((await made(orthogonalize(), [W, b]))[0]).not.toEqual(w);
  });

  test('takes a single row or column that is the weight of a layer, and makes its norm about 1 or √q', async () => {
    const random = uniform(4);
    const [row, column] = [gaussian(random, 1, 4), gaussian(random, 4, 1)];
    const [one, two] = await made(orthogonalize(), [row, column], [{ weight: 1 }]);
    expect(norm(one)).toBeGreaterThan(0.68);
    expect(norm(one)).toBeLessThan(1.21);
    expect(norm(two) / 2).toBeGreaterThan(0.68);
    expect(norm(two) / 2).toBeLessThan(1.21);
  });

  test.each([0, 1.5, -1, Number.NaN])('%d are no steps', (steps) => {
    expect(() => orthogonalize({ steps })).toThrow(
      `orthogonalize: steps is ${steps}, expected an integer >= 1`,
    );
  });

  test('refuses a norm whose square could overflow', () => {
    const stage = orthogonalize().init({
      backend: cpuBackend('float32'),
      parameters: [{ rows: 2, cols: 3 }],
      layers: [],
    });
    const parameters = [cpuBackend('float32').allocate(2, 3)];
    const one = { index: 0, learningRate: 1, parameters, gradients: parameters, observations: [] };
    expect(() => stage.bound?.([1e19], one)).toThrow(
      /^orthogonalize: the squared norm of gradients\[0\] could reach 6e\+38, expected <= /,
    );
    expect(stage.bound?.([1e18], one)).toEqual([1.25]);
  });
});

describe('muon', () => {
  const settings = { learningRate: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0 };

  test('is orthogonalised momentum for weights, and Adam at a hundredth of the rate for biases', async () => {
    const bits = await moved('float64', muon(settings));
    const direction = chain(momentum(0.9, { nesterov: true }), orthogonalize());
    const weights = await moved('float64', chain(direction, descend(0.05)), []);
    const biases = await moved(
      'float64',
      chain(scaleByAdam(), scaleBy(1 / 100), descend(0.05)),
      [],
    );
    expect(bits).toEqual([weights[0], biases[1], weights[2], biases[3]]);
  });

  test('needs no layers, and is the same with them', async () => {
    expect(await moved('float64', muon(settings), [])).toEqual(
      await moved('float64', muon(settings)),
    );
    expect(muon()).not.toHaveProperty('needs');
  });

  test('leaves what is skipped to the rest, by layer or by parameter', async () => {
    const plain = await moved('float64', sgd(settings));
    const skipping = muon({ ...settings, rest: 'sgd', skip: ['head'] });
    const own = await moved('float64', muon({ ...settings, rest: 'sgd' }));
    for (const layers of [[BODY, HEAD], []]) {
      const bits = await moved('float64', skipping, layers);
      expect(bits).toEqual([own[0], plain[1], plain[2], plain[3]]);
    }
    const run = begin('float64', skipping);
    expect(run.optimizer.diagnostics).toMatchObject([
      { layer: 'body/kernel', inputs: 6, outputs: 5, bytes: 0 },
    ]);
  });

  test('keeps one buffer of the size of the matrices, and the state of the rest', () => {
    const { optimizer } = begin('float64', muon({ rest: adam() }));
    expect(optimizer.stateBytes).toBe(8 * (5 * 6 + 3 * 5 + 2 * (5 + 3)));
  });
});

const cadence = { observeEvery: 2, refreshEvery: 4 };
const ofRank = (rank: number) => moved('float64', newtonMuon({ ...cadence, rank }));

describe('newton-muon', () => {
  const sketched = { rank: 3, seed: 2, damping: { relative: 0.2 } } as const;

  test('preconditions layers, then orthogonalises momentum of weight and bias together', async () => {
    const transform = newtonMuon({ ...cadence, ...sketched, learningRate: 0.05 });
    const chained = refuseOverflow(
      chain(
        precondition(nysactMethod(sketched), cadence),
        momentum(0.95, { nesterov: true }),
        orthogonalize(),
        descend(0.05),
      ),
    );
    expect(await moved('float64', transform)).toEqual(await moved('float64', chained));
  });

  test('takes matrices of no layer through Muon alone, and vectors to the rest', async () => {
    const options = { learningRate: 0.05, rest: 'sgd' } as const;
    const bits = await moved('float64', newtonMuon({ ...cadence, ...sketched, ...options }), [
      HEAD,
    ]);
    const alone = await moved('float64', muon(options), []);
    expect(bits.slice(0, 2)).toEqual(alone.slice(0, 2));
    expect(bits[2]).not.toBe(alone[2]);
    const run = begin('float64', newtonMuon({ ...cadence, ...sketched }), [HEAD]);
    step(run, 1, 1);
    // One line each, from the first link that has to do with a layer.
    expect(run.optimizer.diagnostics).toMatchObject([
      { layer: 'head/kernel', rank: 3, refreshes: 1 },
      { layer: 'body/kernel', rank: undefined, refreshes: 0 },
    ]);
  });

  test('has one inverse whatever the rank, from p on: the exact one', async () => {
    expect(await ofRank(1000)).toEqual(await ofRank(7));
    expect(await ofRank(3)).not.toEqual(await ofRank(7));
  });
});

describe('graft', () => {
  const seed = fc.nat(1_000_000);

  test.prop([seed])(
    'has the direction of the one and, layer by layer, the norm of the other',
    async (s) => {
      const random = uniform(s);
      const gradients = [gaussian(random, 3, 4), gaussian(random, 3, 1), gaussian(random, 2, 2)];
      const layers = [{ weight: 0, bias: 1 }];
      const direction = orthogonalize();
      for (const size of [chain(), scaleByAdam(), scaleBy(3)]) {
        const grafted = await made(graft(direction, size), gradients, layers);
        const towards = await made(direction, gradients, layers);
        const long = await made(size, gradients, layers);
        for (const unit of [[0, 1], [2]]) {
          const total = (all: readonly Matrix[]) => Math.hypot(...unit.map((i) => norm(all[i])));
          const factor = total(long) / total(towards);
          for (const i of unit) {
            const expected = build(towards[i].rows, towards[i].cols, (r, c) => {
              return factor * towards[i].at(r, c);
            });
            expect(distance(grafted[i], expected)).toBeLessThanOrEqual(
              64 * EPSILON.float64 * total(long),
            );
          }
        }
      }
    },
  );

  test('by itself changes nothing, to rounding', () => {
    const start = randomStart(5, 3);
    const ours = updates('float64', graft(chain()), start);
    ours.forEach((u, k) => {
      const g = flat(start.gradients[k]);
      u.forEach((x, i) => {
        expect(Math.abs(x - g[i])).toBeLessThanOrEqual(64 * EPSILON.float64 * Math.abs(g[i]));
      });
    });
  });

  test('is what the option of Shampoo asks for', async () => {
    const common = { ...cadence, learningRate: 0.1 };
    const link = precondition(shampooMethod(), cadence);
    expect(await moved('float64', shampoo({ ...common, graft: 'adam' }))).toEqual(
      await moved('float64', chain(graft(link, scaleByAdam()), descend(0.1))),
    );
    expect(await moved('float64', shampoo({ ...common, graft: 'sgd' }))).toEqual(
      await moved('float64', chain(graft(link), descend(0.1))),
    );
    expect(await moved('float64', shampoo(common))).toEqual(
      await moved('float64', chain(link, descend(0.1))),
    );
  });

  test('and a KL clip are one too many', () => {
    for (const make of [shampoo, nystromShampoo]) {
      expect(() => make({ graft: 'sgd', klClip: 1e-3 })).toThrow(
        /klClip is 0.001 beside graft 'sgd', expected 'none'/,
      );
      make({ klClip: 1e-3 });
    }
  });

  test('moves nothing itself', () => {
    for (const transform of [graft(sgd()), graft(chain(), sgd())]) {
      const init = () => begin('float64', chain(transform, descend(1)));
      expect(init).toThrow(
        new TypeError('graft: a transform moves the parameters, expected a link behind to do so'),
      );
    }
    // @ts-expect-error What a caller may do.
    expect(() => graft({})).toThrow('graft: direction is ');
  });

  test('keeps what either keeps', async () => {
    const transform = chain(graft(momentum(0.5), scaleByAdam()), descend(1));
    const { optimizer } = begin('float64', transform);
    const elements = 5 * 6 + 5 + 3 * 5 + 3;
    expect(optimizer.stateBytes).toBe(8 * 3 * elements);
  });
});
