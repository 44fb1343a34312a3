// Every preconditioner keeps the contract.

import { preconditionerContract } from './preconditioner.contract.js';
import { VARIANTS } from './variants.js';

for (const { name, make, ...expectations } of VARIANTS) {
  preconditionerContract(name, make, expectations);
}
