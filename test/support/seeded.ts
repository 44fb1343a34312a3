// A setup file: the properties after it draw their examples from the one seed.

import fc from 'fast-check';
import { SEED } from './seed.js';

fc.configureGlobal({ seed: SEED });
