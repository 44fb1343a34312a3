// SketchySGD's direction as a link: the gradient times the inverse of a sketched Hessian.

import type { DType } from '../core/dtype.js';
import { choice, integer, type OptionsOf, optionList, positive } from '../core/options.js';
import { SketchedBlock } from './sketched-block.js';
import { type Stage, type Transform, type TransformContext, writable } from './transform.js';

/** The options of {@link scaleBySketchedHessian}. */
export const SKETCHED_HESSIAN = /* @__PURE__ */ optionList({
  /** The rank r: products with H a refresh. A block of fewer parameters has their number (default 10). */
  rank: /* @__PURE__ */ integer(1).default(10),
  /** The damping ρ > 0 (default 0.1). */
  damping: /* @__PURE__ */ positive.default(0.1),
  /** The interval of sketches: of H at steps k with k mod `refreshEvery` = 0 (default 50). */
  refreshEvery: /* @__PURE__ */ integer(1).default(50),
  /** Whether H is sketched as a whole ('all', the default), or the block of every parameter ('parameters'). */
  blocks: /* @__PURE__ */ choice('all', 'parameters').default('all'),
  /** The seed of the probes (default 0). */
  seed: /* @__PURE__ */ integer().default(0),
  /** Breakdowns in a row that are survived before an error (default 5). */
  maxFailures: /* @__PURE__ */ integer(1).default(5),
});

/** Options of {@link scaleBySketchedHessian}. @interface */
export type SketchedHessianOptions = OptionsOf<typeof SKETCHED_HESSIAN>;

/**
 * SketchySGD's direction: every `refreshEvery` steps Y = HΩ for r orthonormal probes Ω that the seed and the
 * step determine, and from it Ĥ = V̂Λ̂V̂ᵀ, the Nyström approximation with a shift (see
 * `nystromEigenpairs`); u ← V̂(Λ̂ + ρI)⁻¹V̂ᵀu + (u − V̂V̂ᵀu)/ρ, over all parameters as one vector or
 * parameter by parameter. Before the first sketch u ← u/ρ.
 *
 * H may be indefinite: where ΩᵀHΩ has a negative eigenvalue −μ, 2μ is added to H before it is factored and
 * taken off λ̂ afterwards, and what is negative then becomes 0. So the eigenvalues of what u is multiplied by
 * are in (0, 1/ρ] whatever H is, and u is a direction of descent; along negative curvature it is u/ρ.
 *
 * Memory: rd numbers for d parameters, and at a refresh 3rd on the host. Cost: O(rd), in 4r + 1 operations a
 * parameter; a refresh takes r products with H ('parameters': r for each parameter) and O(r²d) on the host.
 * Where reads are asynchronous a sketch takes effect when they have resolved. A refresh that breaks down
 * keeps the last one. Needs `curvature`. The automatic learning rate of the paper is left out: it reads a
 * number at every refresh, which a device would have to be waited for.
 *
 * Source: Frangella, Rathore, Zhao and Udell 2022 (arXiv:2211.08597), Algorithm 1.
 *
 * @throws RangeError or TypeError on a bad option; RangeError when it is given state, where ρ or 1/ρ leaves
 *   the dtype; PreconditionerError at a step, after `maxFailures` breakdowns in a row.
 */
export function scaleBySketchedHessian(options: SketchedHessianOptions = {}): Transform {
  const where = 'scaleBySketchedHessian';
  const settings = SKETCHED_HESSIAN.read(where, options);
  const { damping: rho, refreshEvery, blocks } = settings;
  const refreshes = (step: number): boolean => step % refreshEvery === 0;
  return {
    description: { method: 'sketchySgd', ...SKETCHED_HESSIAN.saved(settings).values },
    curvature: refreshes,
    init<D extends DType>(context: TransformContext<D>): Stage<D> {
      const { backend, parameters } = context;
      SKETCHED_HESSIAN.checkIn(where, settings, backend.dtype);
      const every = parameters.map((_, index) => index);
      const groups = blocks === 'all' ? [every] : every.map((index) => [index]);
      const sizes = parameters.map(({ rows, cols }) => rows * cols);
      // A group of a network may have no parameters, and a parameter no elements.
      const made = groups
        .filter((indices) => indices.some((index) => sizes[index] > 0))
        .map((indices) => new SketchedBlock(context, indices, settings));
      return {
        get state() {
          return made.flatMap((block) => block.state);
        },
        workspace: made.flatMap((block) => block.workspace),
        check(step) {
          if (refreshes(step.index)) for (const block of made) block.look(step);
        },
        bound(updates) {
          const next = [...updates];
          for (const block of made) {
            const size = block.bound(updates);
            for (const index of block.indices) next[index] = size;
          }
          return next;
        },
        update(updates, step) {
          if (refreshes(step.index)) for (const block of made) block.refresh();
          const next = writable(backend, updates, step);
          for (const block of made) block.apply(next, rho);
          return next;
        },
        async flush() {
          await Promise.all(made.map((block) => block.flush()));
        },
        restored() {
          for (const block of made) block.restored();
        },
        diagnostics: () => made.map((block) => block.diagnostics),
      };
    },
  };
}
