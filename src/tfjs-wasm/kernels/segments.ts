// Sums by segments, which the gradient of an embedding is.

import { sizeOf, type TrainingKernel } from '../kernel.js';

/** tf.unsortedSegmentSum: rows whose segment is negative, or beyond the last one, are left out. */
export const unsortedSegmentSum: TrainingKernel = {
  name: 'UnsortedSegmentSum',
  run({ host, inputs: { x, segmentIds }, attrs: { numSegments } }) {
    if (x?.dtype !== 'float32' || segmentIds?.dtype !== 'int32') return undefined;
    if (typeof numSegments !== 'number' || numSegments < 0) return undefined;
    const [rows, ...row] = x.shape;
    if (String(segmentIds.shape) !== String([rows])) return undefined;
    const sums = host.output([numSegments, ...row]);
    const [from, ids, to] = [host.at(x), host.at(segmentIds), host.at(sums)];
    host.exports.segmentSum(rows, sizeOf(row), numSegments, from, ids, to);
    return sums;
  },
};
