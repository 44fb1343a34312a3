// Every optimiser keeps the contract.

import { optimizerContract } from './optimizer.contract.js';
import { OPTIMIZERS } from './variants.js';

for (const { name, make, cadence } of OPTIMIZERS) optimizerContract(name, make, cadence);
