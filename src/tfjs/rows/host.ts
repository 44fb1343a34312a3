// What rows of tensors are made with.

import type { TfjsBackend } from '../backend.js';
import type { TensorFlowCore } from '../tensorflow.js';

/** TensorFlow.js, and the backend of ours that stands on it. */
export interface RowsHost {
  readonly tf: TensorFlowCore;
  readonly backend: TfjsBackend;
}
