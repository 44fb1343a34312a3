// The entry nysact/linalg: products, triangular solves and factorisations of dense matrices.

export type { AsMatrixOptions } from '../core/convert.js';
export { EPSILON, type TypedArrayOf } from '../core/dtype.js';
export { convert, identity } from '../core/matrix.js';
export { Workspace } from '../core/workspace.js';
export { gemm } from '../kernels/gemm.js';
export type { Side } from '../kernels/kernels.js';
export { axpby, dot, frobeniusNorm, scale } from '../kernels/level1.js';
export { transpose } from '../kernels/movement.js';
export type { KernelChoice, KernelOptions, PoolOptions } from '../kernels/selection.js';
export { syrk } from '../kernels/syrk.js';
export { trsm } from '../kernels/trsm.js';
export { cholesky, choleskyInPlace, solveCholesky, spdInverse } from './cholesky.js';
export { type Eigh, type EighOptions, eigh, eigvalsh } from './eigh.js';
export { type ThinQr, thinQr } from './qr.js';
