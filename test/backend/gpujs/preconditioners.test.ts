// Every method through GPU.js, on its mode on the host; test/browser runs them on devices.

import { formulaLaws } from '../../precondition/formulas.js';
import { testDevice } from '../../support/gpu.js';
import { EMPTY, SIZES } from '../operation.js';
import { devicePreconditioners } from './preconditioners.contract.js';

const later = await testDevice({ mode: 'cpu', reading: 'async' });
devicePreconditioners('GPU.js on cpu, read later', later.backend);

formulaLaws('GPU.js on cpu, read later', later.backend, [SIZES[1], EMPTY[1]], 3);

const inTiles = await testDevice({ mode: 'cpu', reading: 'async', tile: 6 });
formulaLaws('GPU.js on cpu, in tiles', inTiles.backend, [SIZES[3]], 3);
