// Parameters as one vector, and the inverse of their Hessian from a sketch of it.

import type { Slot } from '../backend/backend.js';
import { Spread } from '../backend/spread.js';
import { Cell, type StateEntry, stateBytes } from '../backend/state.js';
import { checkInteger } from '../core/check.js';
import type { DType } from '../core/dtype.js';
import { type DenseMatrix, zeros } from '../core/matrix.js';
import { foldIn, type RandomKey, randomKey } from '../core/random.js';
import { checkRange } from '../core/range.js';
import type { Diagnostics } from '../precondition/layer.js';
import { elementsWithin } from '../precondition/options.js';
import { type Contents, RefreshDriver } from '../precondition/refresh.js';
import {
  type HessianProduct,
  nonFiniteProduct,
  productAmong,
  productOf,
} from './hessian-product.js';
import { parametersOf } from './parameter-filter.js';
import { orthonormalProbes, sketchedInverse } from './sketched-hessian.js';
import type { Step, TransformContext } from './transform.js';

/** Probes and their products with H, of which a refresh makes an inverse. */
interface Look<D extends DType> {
  /** Ω, d×r. */
  readonly probes: DenseMatrix<D>;
  /** The products, probe by probe and in each parameter by parameter. */
  readonly products: Contents<D>;
}

/** The options of SketchySGD that a block goes by. */
interface SketchSettings {
  readonly rank: number;
  readonly damping: number;
  readonly blocks: 'all' | 'parameters';
  readonly seed: number;
  readonly maxFailures: number;
}

/** Parameters that are one vector, and (Ĥ + ρI)⁻¹ = I/ρ − VVᵀ of them. */
export class SketchedBlock<D extends DType> {
  /** Which parameters they are. */
  readonly indices: readonly number[];
  readonly #context: TransformContext<D>;
  /** Whether it is the block of a parameter, whose state is that parameter's. */
  readonly #ofOne: boolean;
  readonly #key: RandomKey;
  readonly #rank: number;
  readonly #damping: number;
  readonly #size: number;
  /** V, column by column and in each parameter by parameter. */
  readonly #V: readonly (readonly Slot<D>[])[];
  readonly #spreads: readonly Spread<D>[];
  readonly #driver: RefreshDriver<D>;
  readonly #refreshes: Cell;
  #look: Look<D> | undefined;
  #found: Diagnostics['found'];
  /** A restored V need not be of an inverse. */
  #isRestored = false;

  constructor(
    context: TransformContext<D>,
    indices: readonly number[],
    { rank, damping, maxFailures, blocks, seed }: SketchSettings,
  ) {
    const { backend, parameters } = context;
    this.#context = context;
    this.indices = indices;
    this.#ofOne = blocks === 'parameters';
    this.#key = foldIn(randomKey(seed), indices[0]);
    this.#damping = damping;
    this.#size = indices.reduce((d, i) => d + parameters[i].rows * parameters[i].cols, 0);
    this.#rank = Math.min(rank, this.#size);
    this.#V = Array.from({ length: this.#rank }, () =>
      indices.map((index) => backend.allocate(parameters[index].rows, parameters[index].cols)),
    );
    this.#spreads = indices.map((index) => new Spread(backend, parameters[index]));
    this.#driver = new RefreshDriver(backend, this.#name, maxFailures);
    this.#refreshes = new Cell(0, checkInteger, () => this.#driver.inFlight);
    this.#found = { damping };
  }

  get state(): readonly StateEntry<D>[] {
    const pending = () => this.#driver.inFlight;
    const check = elementsWithin(1 / Math.sqrt(this.#damping));
    const scope = this.#ofOne ? `${this.indices[0]}/` : '';
    const own = this.#ofOne
      ? (key: string) => ({ part: { of: 'parameter' as const, index: this.indices[0], key } })
      : () => ({});
    return [
      ...this.#V.flatMap((column, j) =>
        column.map(
          (slot, i): StateEntry<D> => ({
            name: `V${j}/${this.indices[i]}`,
            part: { of: 'parameter', index: this.indices[i], key: `V${j}` },
            holds: { slot, check, pending },
          }),
        ),
      ),
      { name: `${scope}refreshes`, ...own('refreshes'), holds: this.#refreshes },
      ...this.#driver.state.map(
        ({ name, holds }): StateEntry<D> => ({
          name: `${scope}refresh/${name}`,
          ...own(`refresh/${name}`),
          holds,
        }),
      ),
    ];
  }

  get workspace(): readonly Slot<D>[] {
    return this.#spreads.flatMap(({ ones }) => ones);
  }

  get diagnostics(): Diagnostics {
    return {
      layer: this.#name,
      inputs: this.#size,
      outputs: 1,
      rank: this.#rank,
      bytes: stateBytes(this.state),
      failures: this.#driver.failures,
      refreshes: this.#refreshes.value,
      found: this.#found,
      warnings: [],
    };
  }

  /** Y = HΩ, which is read; changes no state. */
  look(step: Step<D>): void {
    if (this.#driver.inFlight !== undefined) return;
    const { backend, parameters } = this.#context;
    const probes = orthonormalProbes(
      foldIn(this.#key, step.index),
      backend.dtype,
      this.#size,
      this.#rank,
    );
    const product = productAmong(backend, productOf(step), parameters, this.indices);
    const later: Promise<DenseMatrix<D>>[] = [];
    const now: DenseMatrix<D>[] = [];
    for (let j = 0; j < this.#rank; j++) this.#multiply(product, probes, j, now, later);
    if (later.length === 0) this.#look = { probes, products: () => now };
    else {
      const all = Promise.all(later);
      // Where the step is refused nobody waits for them.
      all.catch(() => {});
      this.#look = { probes, products: () => all };
    }
  }

  /** V ← that of what was looked at, now or when it has arrived. */
  refresh(): void {
    const look = this.#look;
    this.#look = undefined;
    if (look === undefined) return;
    const { probes, products } = look;
    this.#driver.run({
      reads: products,
      compute: (matrices) => this.#factorise(probes, matrices),
      broken: (index) => nonFiniteProduct(this.#called(this.indices[index % this.indices.length])),
      failed() {},
    });
  }

  /** u ← u/ρ − VVᵀu. */
  apply(updates: readonly Slot<D>[], rho: number): void {
    const { backend } = this.#context;
    const own = this.indices.map((index) => updates[index]);
    backend.borrow((take) => {
      // All of Vᵀu before u changes.
      const along =
        this.#refreshes.value === 0
          ? []
          : this.#V.map((column) => {
              const s = take(1, 1);
              column.forEach((v, i) => {
                backend.dot(1, v, own[i], i === 0 ? 0 : 1, s);
              });
              return s;
            });
      for (const u of own) backend.axpby(1 / rho, u, 0, u);
      along.forEach((s, j) => {
        this.#V[j].forEach((v, i) => {
          this.#spreads[i].addMultiple(-1, s, v, own[i]);
        });
      });
    });
  }

  /** A bound of the elements of the update, of bounds of those of all parameters. */
  bound(updates: readonly number[]): number {
    const { backend, parameters } = this.#context;
    const rho = this.#damping;
    const sizes = this.indices.map((index) => updates[index]);
    const largest = Math.max(...sizes);
    // An element of V is at most 1/√ρ, a sum of products as many times that as there are parameters.
    checkRange(
      'scaleBySketchedHessian',
      'sketched directions of gradients',
      (this.#size * largest) / Math.sqrt(rho),
      backend.dtype,
    );
    if (this.#isRestored) return (largest * (1 + this.#rank * this.#size)) / rho;
    const square = this.indices.reduce((sum, index, i) => {
      const { rows, cols } = parameters[index];
      return sum + rows * cols * (sizes[i] / largest || 0) ** 2;
    }, 0);
    return (largest * Math.sqrt(square)) / rho;
  }

  flush(): Promise<void> {
    return this.#driver.flush();
  }

  restored(): void {
    this.#driver.abandon();
    this.#look = undefined;
    this.#found = { damping: this.#damping };
    this.#isRestored = true;
  }

  get #name(): string {
    if (!this.#ofOne && this.#context.network === undefined) return 'all parameters';
    return this.indices.map((index) => this.#called(index)).join(', ');
  }

  /** What messages call a parameter. */
  #called(of: number): string {
    const { name, index } = parametersOf(this.#context)[of];
    return name ?? String(index);
  }

  /** The product of one probe, one matrix a parameter: read at once, or later. */
  #multiply(
    product: HessianProduct<D>,
    probes: DenseMatrix<D>,
    j: number,
    now: DenseMatrix<D>[],
    later: Promise<DenseMatrix<D>>[],
  ): void {
    const { backend, parameters } = this.#context;
    backend.borrow((take) => {
      const shapes = this.indices.map((index) => parameters[index]);
      const probe = parts(probes, j, shapes).map((value) => {
        const slot = take(value.rows, value.cols);
        backend.write(slot, value);
        return slot;
      });
      const products = shapes.map(({ rows, cols }) => take(rows, cols));
      product(probe, products);
      for (const slot of products) {
        if (backend.readSync === undefined) later.push(backend.read(slot));
        else now.push(backend.readSync(slot));
      }
    });
  }

  #factorise(probes: DenseMatrix<D>, products: readonly DenseMatrix<D>[]): () => void {
    const { backend, parameters } = this.#context;
    const { dtype } = backend;
    const shapes = this.indices.map((index) => parameters[index]);
    const Y = joined(dtype, this.#size, this.#rank, products);
    const { V, found } = sketchedInverse(Y, probes, this.#damping);
    return () => {
      this.#V.forEach((column, j) => {
        parts(V, j, shapes).forEach((value, i) => {
          backend.write(column[i], value);
        });
      });
      this.#refreshes.value += 1;
      this.#found = found;
    };
  }
}

/** Column j of A as matrices of these shapes, row by row. */
function parts<D extends DType>(
  A: DenseMatrix<D>,
  j: number,
  shapes: readonly { readonly rows: number; readonly cols: number }[],
): DenseMatrix<D>[] {
  let from = 0;
  return shapes.map(({ rows, cols }) => {
    const value = zeros(A.dtype, rows, cols);
    for (let i = 0; i < value.data.length; i++) value.data[i] = A.at(from + i, j);
    from += value.data.length;
    return value;
  });
}

/** The d×r matrix whose columns are {@link parts}. */
function joined<D extends DType>(
  dtype: D,
  d: number,
  r: number,
  products: readonly DenseMatrix<D>[],
): DenseMatrix<D> {
  const A = zeros(dtype, d, r);
  const parameters = products.length / r;
  for (let j = 0; j < r; j++) {
    let from = 0;
    for (const { data } of products.slice(j * parameters, (j + 1) * parameters)) {
      data.forEach((x, i) => {
        A.set(from + i, j, x);
      });
      from += data.length;
    }
  }
  return A;
}
