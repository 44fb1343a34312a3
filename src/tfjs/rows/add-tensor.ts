// What TensorFlow.js has computed, added to a slot or shown as one.

import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
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

/** Shows a matrix of rows as a slot, during the visit. The tensor is disposed of. */
export function seeTensor(
  backend: TfjsBackend,
  tensor: Tensor,
  see: (strip: Slot<'float32'>) => void,
): void {
  const own = backend.adopt(tensor, 'rows');
  tensor.dispose();
  try {
    see(own);
  } finally {
    backend.free(own);
  }
}
