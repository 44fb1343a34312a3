// One layer under one method, without an optimiser around it.

import type { Backend } from '../../src/backend/backend.js';
import type { DType } from '../../src/core/dtype.js';
import { Workspace } from '../../src/core/workspace.js';
import { LayerPreconditioner } from '../../src/precondition/layer.js';
import type { LayerShape, Method } from '../../src/precondition/method.js';

/** The preconditioner of a layer with p = `inputs` and q = `outputs`. */
export function layerUnder<D extends DType>(
  method: Method,
  backend: Backend<D>,
  { inputs, outputs }: Pick<LayerShape, 'inputs' | 'outputs'>,
): LayerPreconditioner<D> {
  const shape = { name: `${outputs}×${inputs}`, inputs, outputs };
  const [curvature] = method.layers([shape], backend.dtype);
  return new LayerPreconditioner(backend, shape, method, curvature, new Workspace());
}
