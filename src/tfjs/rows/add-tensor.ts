// Adds what TensorFlow.js has computed to a slot.

import type { Tensor2D } from '@tensorflow/tfjs';
import type { Slot } from '../../backend/backend.js';
import type { TfjsBackend } from '../backend.js';

/** slot ← decay·slot + weight·tensor. The tensor is disposed of. */
export function addTensor(
  backend: TfjsBackend,
  tensor: Tensor2D,
  weight: number,
  decay: number,
  slot: Slot<'float32'>,
): void {
  const own = backend.adopt(tensor, 'rows');
  tensor.dispose();
  try {
    backend.axpby(weight, own, decay, slot);
  } finally {
    backend.free(own);
  }
}
