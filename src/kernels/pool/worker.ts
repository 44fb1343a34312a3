// What a thread of the pool runs: it waits for its operands, and then for work until the pool closes.

import { instantiate } from '../wasm/instance.js';
import { serve } from './control.js';
import { isAssignment, onMessage, report } from './threads.js';

onMessage((message) => {
  if (!isAssignment(message)) return;
  const { module, memory, control, index, workers } = message;
  const { exports } = instantiate(module, memory);
  report('ready');
  serve(exports, control, index, workers);
});
