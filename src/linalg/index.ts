// The entry nysact/linalg: products, triangular solves and factorisations of dense matrices.

export { gemm } from '../kernels/gemm.js';
export { axpby, dot, frobeniusNorm, scale, transpose } from '../kernels/level1.js';
export { syrk } from '../kernels/syrk.js';
export { trsm } from '../kernels/trsm.js';
export { cholesky, choleskyInPlace, solveCholesky, spdInverse } from './cholesky.js';
export { type Eigh, type EighOptions, eigh, eigvalsh } from './eigh.js';
export { type ThinQr, thinQr } from './qr.js';
