// Memory that is used again: what a routine needs on its way, and gives back when it ends.

import { checkChoice, checkFunction, checkInteger, checkType, isObject } from './check.js';
import { allocate, BYTES, DTYPES, type DType, type TypedArrayOf } from './dtype.js';
import { DenseMatrix } from './matrix.js';

/** A workspace keeps up to so many bytes of a dtype; larger work pays for its memory by its flops. */
const LIMIT = 2 ** 27;

/**
 * Scratch memory for routines that run again and again: {@link scope} opens a level of the stack,
 * {@link take} takes from it, and what was taken goes back when the scope ends.
 *
 * A routine that can use one has it as its last argument, opens a scope of its own, and returns what it
 * allocated itself; without the argument it allocates. One workspace serves any number of routines and
 * shapes, one after another: it grows to what the largest scope took, up to 128 MiB of each dtype.
 */
export class Workspace {
  readonly #stacks: { readonly [D in DType]: Stack<D> } = {
    float32: new Stack('float32'),
    float64: new Stack('float64'),
  };
  #depth = 0;

  /**
   * Runs `body`, and takes back what it took. `body` must not return a Promise, nor a matrix that it
   * took. Scopes may stand within scopes.
   *
   * @throws TypeError where `body` is no function, and what it throws.
   */
  scope<T>(body: () => T): T {
    checkFunction('Workspace.scope', 'body', body);
    const { float32, float64 } = this.#stacks;
    if (this.#depth === 0) {
      float32.grow();
      float64.grow();
    }
    const [top32, top64] = [float32.top, float64.top];
    this.#depth += 1;
    try {
      return body();
    } finally {
      this.#depth -= 1;
      float32.top = top32;
      float64.top = top64;
    }
  }

  /**
   * A rows × cols matrix until the scope ends. It holds whatever was left in its memory: write before
   * reading.
   *
   * @throws Error where no scope is open, RangeError for an unknown dtype or unless rows and cols are
   *   integers ≥ 0.
   */
  take<D extends DType>(dtype: D, rows: number, cols: number): DenseMatrix<D> {
    if (this.#depth === 0) throw new Error('Workspace.take: no scope is open');
    checkChoice('Workspace.take', 'dtype', dtype, DTYPES);
    checkInteger('Workspace.take', 'rows', rows);
    checkInteger('Workspace.take', 'cols', cols);
    return this.#stacks[dtype].take(rows, cols);
  }
}

/**
 * `workspace` must be one, of this copy of the library or another.
 *
 * @throws TypeError where it is not.
 */
export function checkWorkspace(where: string, workspace: unknown): void {
  const fits = isObject(workspace) && 'scope' in workspace && 'take' in workspace;
  checkType(where, 'workspace', workspace, fits, 'a Workspace');
}

/** The memory of one dtype, taken from its start. */
class Stack<D extends DType> {
  readonly #dtype: D;
  #memory: TypedArrayOf<D>;
  /** The highest that `top` has been. */
  #highest = 0;
  /** Elements that are taken. */
  top = 0;

  constructor(dtype: D) {
    this.#dtype = dtype;
    this.#memory = allocate(dtype, 0);
  }

  /** Makes the memory as large as it should have been. Nothing may be taken. */
  grow(): void {
    if (this.#highest <= this.#memory.length || this.#highest * BYTES[this.#dtype] > LIMIT) return;
    this.#memory = allocate(this.#dtype, this.#highest);
  }

  /** What does not fit is allocated: the memory cannot grow while parts of it are taken. */
  take(rows: number, cols: number): DenseMatrix<D> {
    const from = this.top;
    this.top += rows * cols;
    this.#highest = Math.max(this.#highest, this.top);
    return this.top <= this.#memory.length
      ? new DenseMatrix(this.#dtype, rows, cols, this.#memory, from)
      : new DenseMatrix(this.#dtype, rows, cols, allocate(this.#dtype, rows * cols));
  }
}
