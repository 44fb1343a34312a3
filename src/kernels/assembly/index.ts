// What the host calls: each kernel for both element types.

import { accumulate, reduceColumns, reflectionsWorkspace, tridiagonalise } from './householder';
import { address, product, productWorkspace } from './product';
import { fillNormal } from './random';
import { rotate } from './rotations';
import { cholesky, invertLower, multiplyByTranspose, solve, solveWorkspace } from './triangular';
import { allFinite } from './vectors';

/** Bytes of workspace of the kernels below, beside their operands and what a kernel names itself. */
export function workspace(): i32 {
  return <i32>(productWorkspace<f64>() + solveWorkspace<f64>());
}

export function product32(
  m: i32, n: i32, k: i32, alpha: f64, A: usize, rsA: i32, csA: i32, B: usize, rsB: i32, csB: i32,
  beta: f64, C: usize, ldc: i32, reach: i32, work: usize,
): void {
  product<f32>(m, n, k, <f32>alpha, A, rsA, csA, B, rsB, csB, <f32>beta, C, ldc, reach, work);
}

export function product64(
  m: i32, n: i32, k: i32, alpha: f64, A: usize, rsA: i32, csA: i32, B: usize, rsB: i32, csB: i32,
  beta: f64, C: usize, ldc: i32, reach: i32, work: usize,
): void {
  product<f64>(m, n, k, alpha, A, rsA, csA, B, rsB, csB, beta, C, ldc, reach, work);
}

/** 1 where C holds finite numbers alone, of which row i is looked at in columns j < reach + i; else 0. */
export function finite32(m: i32, n: i32, C: usize, ldc: i32, reach: i32): i32 {
  for (let i = 0; i < m; i++) {
    if (!allFinite(min(n, reach + i), C + address<f32>(i, ldc, 0, 0))) return 0;
  }
  return 1;
}

export function solve32(
  upper: i32, n: i32, m: i32, L: usize, rsT: i32, csT: i32, X: usize, rsX: i32, csX: i32,
  work: usize,
): void {
  solve<f32>(upper != 0, n, m, L, rsT, csT, X, rsX, csX, work);
}

export function solve64(
  upper: i32, n: i32, m: i32, L: usize, rsT: i32, csT: i32, X: usize, rsX: i32, csX: i32,
  work: usize,
): void {
  solve<f64>(upper != 0, n, m, L, rsT, csT, X, rsX, csX, work);
}

export function cholesky32(n: i32, A: usize, lda: i32, work: usize): i32 {
  return cholesky<f32>(n, A, lda, work);
}

export function cholesky64(n: i32, A: usize, lda: i32, work: usize): i32 {
  return cholesky<f64>(n, A, lda, work);
}

/** B ← B + A⁻¹ on and below the diagonal, from the Cholesky factor L of A, which is destroyed. */
export function invert32(n: i32, L: usize, B: usize, work: usize): void {
  invertLower<f32>(n, L, n, work);
  multiplyByTranspose<f32>(n, L, n, B, work);
}

export function invert64(n: i32, L: usize, B: usize, work: usize): void {
  invertLower<f64>(n, L, n, work);
  multiplyByTranspose<f64>(n, L, n, B, work);
}

// The orthogonal factorisations compute in float64 whatever the dtype of their input.

/** Elements of workspace of the factorisations below for m rows, beside {@link workspace}. */
export function reflectionsElements(m: i32): i32 {
  return reflectionsWorkspace(m);
}

export function reduceColumns64(n: i32, m: i32, At: usize, Rt: usize, work: usize): void {
  reduceColumns<f64>(n, m, At, Rt, work);
}

export function accumulate64(
  k: i32, n: i32, m: i32, Vt: usize, ldv: i32, Qt: usize, ldq: i32, work: usize,
): void {
  accumulate<f64>(k, n, m, Vt, ldv, Qt, ldq, work);
}

export function tridiagonalise64(
  n: i32, A: usize, d: usize, e: usize, Vt: usize, P: usize, S: usize, work: usize,
): void {
  tridiagonalise<f64>(n, A, d, e, Vt, P, S, work);
}

export function rotate64(
  n: i32, m: i32, Z: usize, count: i32, rows: usize, cosines: usize, sines: usize, strip: usize,
): void {
  rotate<f64>(n, m, Z, count, rows, cosines, sines, strip);
}

export function fillNormal32(
  keyLow: u32, keyHigh: u32, scale: f64, p: i32, r: i32, S: usize, work: usize,
): void {
  fillNormal<f32>(keyLow, keyHigh, scale, p, r, S, work);
}

export function fillNormal64(
  keyLow: u32, keyHigh: u32, scale: f64, p: i32, r: i32, S: usize, work: usize,
): void {
  fillNormal<f64>(keyLow, keyHigh, scale, p, r, S, work);
}
