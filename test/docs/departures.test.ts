// docs/departures.md quotes figures; each is computed here and must agree to the digits it prints.

import {
  gradientScale,
  lateDecay,
  momentumDifference,
  newestShare,
  patchError,
  phantomCurvature,
} from './baselines.js';
import {
  asymmetry,
  exactRankError,
  heldAsymmetry,
  megabytes,
  rankError,
  shiftedEigenvalue,
  shrinkage,
  triangularError,
  zeroCorrections,
  zeroEigenvalues,
} from './departures.js';
import { checkFigures } from './figures.js';

checkFigures('departures', {
  'zero-corrections': zeroCorrections,
  asymmetry,
  'held-asymmetry': heldAsymmetry,
  'lower-inverse': () => triangularError('N'),
  'transposed-inverse': () => triangularError('T'),
  'exact-rank': exactRankError,
  'shift-on-W': () => shiftedEigenvalue('W'),
  'shift-on-both': () => shiftedEigenvalue('W and C'),
  'shrinkage-gaussian': () => shrinkage('gaussian', 1),
  'shrinkage-subcolumn': () => shrinkage('subcolumn', 1),
  'zero-eigenvalues': () => zeroEigenvalues(10),
  'ours-5': () => rankError('ours', 5),
  'ours-10': () => rankError('ours', 10),
  'ours-40': () => rankError('ours', 40),
  'published-5': () => rankError('published', 5),
  'published-10': () => rankError('published', 10),
  'published-40': () => rankError('published', 40),
  'memory-ours': () => megabytes().ours,
  'memory-dense': () => megabytes().dense,
  'momentum-constant': () => momentumDifference('constant'),
  'momentum-cosine': () => 100 * momentumDifference('cosine'),
  'phantom-curvature': phantomCurvature,
  'gradient-scale': gradientScale,
  'late-decay': lateDecay,
  'newest-ours': () => newestShare('ours'),
  'newest-published': () => newestShare('published'),
  patches: patchError,
});
