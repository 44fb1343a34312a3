// Every preconditioner through GPU.js, on its mode on the host; test/browser runs them on devices.

import { engineFrom } from '../../../src/backend/compose.js';
import { testDevice } from '../../support/gpu.js';
import { devicePreconditioners } from './preconditioners.contract.js';

const { backend } = await testDevice({ mode: 'cpu', reading: 'async' });
devicePreconditioners('GPU.js on cpu, read later', () => engineFrom(backend()));
