// The kernels, as the source text that GPU.js translates.
//
// Text, because a function would be minified, instrumented or bundled before GPU.js could read it.
// Every loop has a literal bound: GPU.js cuts loops with any other silently at 1000 iterations.
// Matrices are indexed [row][column]; x is the column of the element that a thread computes.

import type { Op } from '../../core/matrix.js';

/** A kernel to be: its source, and the rows × cols of what it computes. */
export interface Source {
  /** Names the source and all its constants: one compiled kernel serves all calls of one key. */
  readonly key: string;
  readonly text: string;
  readonly rows: number;
  readonly cols: number;
}

const HERE = '[this.thread.y][this.thread.x]';

function source(
  name: string,
  rows: number,
  cols: number,
  operands: readonly string[],
  body: string,
): Source {
  const text = `function (${operands.join(', ')}) { ${body} }`;
  return { key: `${name} ${rows}×${cols}`, text, rows, cols };
}

/** `sum` ← Σₖ f(k) over 0 ≤ k < terms. */
function sum(terms: number, f: (k: string) => string): string {
  return `let sum = 0; for (let k = 0; k < ${terms}; k++) { sum += ${f('k')}; }`;
}

/** All zeros. */
export function zeroSource(rows: number, cols: number): Source {
  return source('zero', rows, cols, [], 'return 0;');
}

/** A single 1. */
export function oneSource(): Source {
  return source('one', 1, 1, [], 'return 1;');
}

/** A matrix out of the row-major elements `data`. */
export function uploadSource(rows: number, cols: number): Source {
  const body = `return data[this.thread.y * ${cols} + this.thread.x];`;
  return source('upload', rows, cols, ['data'], body);
}

/** a, as it is. */
export function copySource(rows: number, cols: number): Source {
  return source('copy', rows, cols, ['a'], `return a${HERE};`);
}

/** α·op(a)·op(b), plus β·c where `accumulates`; `terms` is the inner dimension. */
export function productSource(
  rows: number,
  cols: number,
  terms: number,
  opA: Op,
  opB: Op,
  accumulates: boolean,
): Source {
  const name = `product ${opA}${opB} ${terms}${accumulates ? ' +' : ''}`;
  const left = (k: string) => (opA === 'N' ? `a[this.thread.y][${k}]` : `a[${k}][this.thread.y]`);
  const right = (k: string) => (opB === 'N' ? `b[${k}][this.thread.x]` : `b[this.thread.x][${k}]`);
  const loop = sum(terms, (k) => `${left(k)} * ${right(k)}`);
  return accumulates
    ? source(
        name,
        rows,
        cols,
        ['a', 'b', 'alpha', 'c', 'beta'],
        `${loop} return alpha * sum + beta * c${HERE};`,
      )
    : source(name, rows, cols, ['a', 'b', 'alpha'], `${loop} return alpha * sum;`);
}

/** α·a, plus β·c where `accumulates`. */
export function axpbySource(rows: number, cols: number, accumulates: boolean): Source {
  return accumulates
    ? source(
        'axpby +',
        rows,
        cols,
        ['a', 'alpha', 'c', 'beta'],
        `return alpha * a${HERE} + beta * c${HERE};`,
      )
    : source('axpby', rows, cols, ['a', 'alpha'], `return alpha * a${HERE};`);
}

/** α·a∘b, plus β·c where `accumulates`. */
export function multiplySource(rows: number, cols: number, accumulates: boolean): Source {
  return accumulates
    ? source(
        'multiply +',
        rows,
        cols,
        ['a', 'b', 'alpha', 'c', 'beta'],
        `return alpha * a${HERE} * b${HERE} + beta * c${HERE};`,
      )
    : source('multiply', rows, cols, ['a', 'b', 'alpha'], `return alpha * a${HERE} * b${HERE};`);
}

/** a ⊘ (b + shift). */
export function divideSource(rows: number, cols: number): Source {
  const body = `return a${HERE} / (b${HERE} + shift);`;
  return source('divide', rows, cols, ['a', 'b', 'shift'], body);
}

/** αa ⊘ (√(βb) + shift). */
export function divideByRootSource(rows: number, cols: number): Source {
  const body = `return alpha * a${HERE} / (Math.sqrt(beta * b${HERE}) + shift);`;
  return source('divideByRoot', rows, cols, ['a', 'alpha', 'b', 'beta', 'shift'], body);
}

/** c·min(1, √(limit/s)), with 1 where s ≤ 0; a sum s that is NaN breaks c. */
export function clipSource(rows: number, cols: number): Source {
  const body = `
    let factor = 1;
    if (s[0][0] <= 0) { factor = 1; } else {
      factor = Math.sqrt(limit / s[0][0]);
      if (factor > 1) { factor = 1; }
    }
    return c${HERE} * factor;`;
  return source('clip', rows, cols, ['s', 'limit', 'c'], body);
}

/** The inner products of the rows of a and b, `terms` long, as a column. */
export function rowDotSource(rows: number, terms: number): Source {
  const loop = sum(terms, (k) => `a[this.thread.y][${k}] * b[this.thread.y][${k}]`);
  return source(`rowDot ${terms}`, rows, 1, ['a', 'b'], `${loop} return sum;`);
}

/** α times the sum of a column of `terms`, plus β·s where `accumulates`; 1×1. */
export function totalSource(terms: number, accumulates: boolean): Source {
  const name = `total ${terms}${accumulates ? ' +' : ''}`;
  const loop = sum(terms, (k) => `v[${k}][0]`);
  return accumulates
    ? source(
        name,
        1,
        1,
        ['v', 'alpha', 's', 'beta'],
        `${loop} return alpha * sum + beta * s[0][0];`,
      )
    : source(name, 1, 1, ['v', 'alpha'], `${loop} return alpha * sum;`);
}

/** c, but for the columns x whose index[x] − first lies in a, which has `width`: those of a. */
export function gatherSource(rows: number, cols: number, width: number): Source {
  const body = `
    const j = index[this.thread.x] - first;
    let value = c${HERE};
    if (j > -0.5 && j < ${width - 0.5}) { value = a[this.thread.y][j]; }
    return value;`;
  return source(`gather ${width}`, rows, cols, ['a', 'index', 'first', 'c'], body);
}

/** c, but for the columns x with low ≤ x < high: column x + shift of a. */
export function copyColumnsSource(rows: number, cols: number, width: number): Source {
  const body = `
    let value = c${HERE};
    if (this.thread.x >= low && this.thread.x < high) { value = a[this.thread.y][this.thread.x + shift]; }
    return value;`;
  return source(`copyColumns ${width}`, rows, cols, ['a', 'shift', 'low', 'high', 'c'], body);
}
