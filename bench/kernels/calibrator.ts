// The calibration loop beside which kernels are timed: what this core reaches at this moment.

import type { DType } from '../../src/core/dtype.js';
import type { KernelInfo } from '../../src/kernels/selection.js';
import { decodeBase64, webAssembly } from '../../src/kernels/wasm/platform.js';
import type { Work } from '../measure/timing.js';
import { BINARIES } from './calibrator-binaries.js';

/** Rounds of a call: some tenths of a millisecond, shorter than any turn that the system gives. */
const ROUNDS = 20_000;

/** Work, and the floating-point operations of one run of it. */
export interface Rated extends Work {
  readonly run: () => void;
  readonly flops: number;
}

interface Chains {
  chains32(rounds: number, factor: number, term: number): number;
  chains64(rounds: number, factor: number, term: number): number;
}

function isChains(value: unknown): value is Chains {
  return typeof value === 'object' && value !== null && 'chains64' in value;
}

/**
 * Twelve independent chains of multiply-adds in registers, in the variant of the kernels.
 *
 * @throws Error where the platform lacks the variant.
 */
export function calibrator(variant: KernelInfo['variant'], dtype: DType): Rated {
  const api = webAssembly();
  if (api === undefined) throw new Error('calibrator: this platform has no WebAssembly');
  const module = new api.Module(
    decodeBase64(BINARIES[variant === 'relaxed-simd' ? 'relaxed' : 'strict']),
  );
  const memory = new api.Memory({ initial: 1, maximum: 65_536 });
  const { exports } = new api.Instance(module, { env: { memory } });
  if (!isChains(exports)) throw new Error('calibrator: the module exports something else');
  const lanes = dtype === 'float32' ? 4 : 2;
  return {
    flops: ROUNDS * 12 * 2 * lanes,
    run: () => {
      // The fixed point is 1, so that no number ever becomes tiny and slow.
      if (dtype === 'float32') exports.chains32(ROUNDS, 0.999, 0.001);
      else exports.chains64(ROUNDS, 0.999, 0.001);
    },
  };
}
