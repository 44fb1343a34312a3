// The backend of GPU.js keeps both contracts, on GPU.js's modes on the host: the same code path as on
// a device, at once and later, in one piece and in tiles. test/browser runs it on devices.

import { engineFrom } from '../../../src/backend/compose.js';
import { testDevice } from '../../support/gpu.js';
import { backendContract } from '../backend.contract.js';
import { engineContract } from '../engine.contract.js';
import { EMPTY, SIZES } from '../operation.js';

const sizes = [...SIZES, ...EMPTY];
/** Small enough that every matrix of the suites is in pieces, and ragged against their sizes. */
const tile = 6;

for (const { name, options } of [
  { name: 'at once', options: { mode: 'cpu' } },
  { name: 'later', options: { mode: 'cpu', reading: 'async' } },
  { name: 'at once, in tiles', options: { mode: 'cpu', tile } },
  { name: 'later, in tiles', options: { mode: 'cpu', reading: 'async', tile } },
] as const) {
  const { backend } = await testDevice(options);
  backendContract(`GPU.js on cpu, ${name}`, backend, sizes);
  engineContract(`the engine of GPU.js on cpu, ${name}`, () => engineFrom(backend()), sizes);
}
