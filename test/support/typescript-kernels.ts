// A setup file: the tests after it run on the kernels in plain TypeScript.

import { useKernels } from '../../src/kernels/selection.js';

useKernels('typescript');
