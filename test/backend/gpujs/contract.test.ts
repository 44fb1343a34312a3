// The backend of GPU.js keeps the contract on GPU.js's mode on the host: the same code path as on a
// device, at once and later, in one piece and in tiles. test/browser runs it on devices.

import { testDevice } from '../../support/gpu.js';
import { backendContract } from '../backend.contract.js';
import { EMPTY, SIZES } from '../operation.js';

const few = [SIZES[1], SIZES[3], EMPTY[1]];
/** Small enough that every matrix of the suites is in pieces, and ragged against their sizes. */
const tile = 6;

for (const { name, options, sizes } of [
  { name: 'at once', options: { mode: 'cpu' }, sizes: [...SIZES, ...EMPTY] },
  { name: 'later', options: { mode: 'cpu', reading: 'async' }, sizes: few },
  { name: 'later, in tiles', options: { mode: 'cpu', reading: 'async', tile }, sizes: few },
] as const) {
  const { backend } = await testDevice(options);
  backendContract(`GPU.js on cpu, ${name}`, backend, sizes);
}
