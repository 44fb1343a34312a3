// Every optimiser keeps the contract.

import {
  adam,
  adamw,
  eva,
  foof,
  kfac,
  nysact,
  type PreconditionedOptions,
  sgd,
} from '../../src/optimize/optimizers.js';
import { chain } from '../../src/optimize/transform.js';
import { clipByGlobalNorm, descend, trace } from '../../src/optimize/transforms.js';
import { optimizerContract } from './optimizer.contract.js';

const weightDecay = 1e-4;

optimizerContract('sgd, plain', () => sgd({ learningRate: 0.3, momentum: 0, weightDecay: 0 }));
optimizerContract('sgd, momentum', () => sgd({ learningRate: 0.1, weightDecay }));
optimizerContract('sgd, Nesterov', () => sgd({ learningRate: 0.1, nesterov: true, weightDecay }));
optimizerContract('adam', () => adam({ learningRate: 0.03, weightDecay }));
optimizerContract('adamw', () => adamw({ learningRate: 0.03, weightDecay }));
optimizerContract('a chain of its own', () =>
  chain(
    clipByGlobalNorm(0.5),
    trace({ momentum: 0.5 }),
    trace({ momentum: 0.3 }),
    descend(0.1),
  ),
);

const cadence = { observeEvery: 2, refreshEvery: 4 };
const inputs = { ...cadence, outputGradients: false };
const inputsAndGradients = { ...cadence, outputGradients: true };
const shared: PreconditionedOptions = { ...cadence, learningRate: 0.03, weightDecay };
const ofRankThree = { ...shared, rank: 3, damping: 0.1, seed: 3 };

optimizerContract('foof', () => foof({ ...shared, damping: 0.1 }), inputs);
optimizerContract('foof, reference', () => foof({ ...shared, variant: 'reference' }), inputs);
optimizerContract('kfac', () => kfac({ ...shared, damping: 0.1 }), inputsAndGradients);
optimizerContract(
  'kfac, factored',
  () => kfac({ ...shared, damping: 0.1, inverse: 'factored' }),
  inputsAndGradients,
);
optimizerContract('eva', () => eva({ ...shared, damping: 0.1 }), inputsAndGradients);
optimizerContract('nysact-g', () => nysact(ofRankThree), inputs);
optimizerContract('nysact-s', () => nysact({ ...ofRankThree, sketch: 'subcolumn' }), inputs);
optimizerContract('nysact, tail', () => nysact({ ...ofRankThree, tail: true }), inputs);
optimizerContract(
  'nysact, reference',
  () => nysact({ ...ofRankThree, variant: 'reference' }),
  inputs,
);
