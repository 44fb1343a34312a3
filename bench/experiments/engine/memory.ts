// Peaks of memory: of the data that tensors hold, and of the process.

import { readFileSync } from 'node:fs';
import type { TensorFlow } from '../../data/tensorflow.js';

/**
 * Calls `f`, and gives the peak bytes of tensors' data meanwhile. Data that several tensors share (views, clones)
 * count once, where TensorFlow.js's own profile counts them for each; what is there at the start is taken from its
 * count.
 */
export async function peakBytesOf(tf: TensorFlow, f: () => Promise<void>): Promise<number> {
  const engine = tf.engine();
  const track = engine.trackTensor.bind(engine);
  const remove = engine.removeDataId.bind(engine);
  const sizes = engine.state.tensorInfo;
  let bytes = tf.memory().numBytes;
  let peak = bytes;
  engine.trackTensor = (tensor, backend) => {
    const isNew = !sizes.has(tensor.dataId);
    track(tensor, backend);
    if (!isNew) return;
    bytes += sizes.get(tensor.dataId)?.bytes ?? 0;
    peak = Math.max(peak, bytes);
  };
  engine.removeDataId = (dataId, backend) => {
    bytes -= sizes.get(dataId)?.bytes ?? 0;
    remove(dataId, backend);
  };
  try {
    await f();
  } finally {
    // The methods of its class are left.
    Reflect.deleteProperty(engine, 'trackTensor');
    Reflect.deleteProperty(engine, 'removeDataId');
  }
  return peak;
}

/**
 * Peak resident bytes of this process. Linux is asked for those since the program was started: its count for a
 * child begins with what the parent held.
 */
export function processPeakBytes(): number {
  return 1024 * (linuxPeak() ?? process.resourceUsage().maxRSS);
}

/** KiB, where there is such a file. */
function linuxPeak(): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return found === null ? undefined : Number(found[1]);
}
