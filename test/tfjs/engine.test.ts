// The TensorFlow.js engine: the contract of engines, both layouts, and no leaked tensor.

import { tfjsEngine } from '../../src/tfjs/engine.js';
import { engineContract } from '../backend/engine.contract.js';
import { onBackends, tf } from './backends.js';

onBackends(['wasm', 'cpu'], () => {
  engineContract('tfjsEngine', () => tfjsEngine(tf, { reading: 'sync' }));
  engineContract('tfjsEngine, reading asynchronously', () => tfjsEngine(tf, { reading: 'async' }));
});
