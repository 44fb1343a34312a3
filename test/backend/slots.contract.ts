// The laws of slots: allocate, write, read and free.

import { describe, expect, test } from 'vitest';
import { convert } from '../../src/core/matrix.js';
import { build } from '../support/matrices.js';
import { type Device, place } from './operation.js';

/** Declares the tests of slots themselves. */
export function slotLaws(make: () => Device): void {
  const value = build(3, 2, (i, j) => 1 + i - 4 * j);

  describe('slots', () => {
    test('start as zeros and know their shape, dtype and owner', async () => {
      const device = make();
      const A = device.allocate(3, 2);
      expect([A.rows, A.cols, A.dtype]).toEqual([3, 2, device.dtype]);
      expect(A.owner).toBe(device.allocate(1, 1).owner);
      const content = await device.read(A);
      expect(content.dtype).toBe(device.dtype);
      expect(content.toArrays()).toEqual([
        [0, 0],
        [0, 0],
        [0, 0],
      ]);
    });

    test('refuse a shape that is not of non-negative integers', () => {
      const device = make();
      expect(() => device.allocate(-1, 2)).toThrow(RangeError);
      expect(() => device.allocate(2, 1.5)).toThrow(RangeError);
      expect(() => device.allocate(Number.NaN, 2)).toThrow(RangeError);
    });

    test('hold a copy of what is written, views included', async () => {
      const device = make();
      const wide = convert(
        build(4, 5, (i, j) => i + 10 * j),
        device.dtype,
      );
      const view = wide.view(1, 2, 3, 2);
      const before = view.toArrays();
      const A = device.allocate(3, 2);
      device.write(A, view);
      wide.data.fill(0);
      expect((await device.read(A)).toArrays()).toEqual(before);
    });

    test('are read as snapshots', async () => {
      const device = make();
      const A = place(device, value);
      const first = device.read(A);
      device.write(
        A,
        convert(
          build(3, 2, () => 9),
          device.dtype,
        ),
      );
      const second = device.read(A);
      (await second).data.fill(0);
      expect((await first).toArrays()).toEqual(value.toArrays());
      expect((await device.read(A)).at(0, 0)).toBe(9);
    });

    test('refuse values of another shape or dtype and keep what they hold', async () => {
      const device = make();
      const A = place(device, value);
      const other = device.dtype === 'float32' ? 'float64' : 'float32';
      expect(() =>
        device.write(
          A,
          convert(
            build(2, 3, () => 1),
            device.dtype,
          ),
        ),
      ).toThrow(RangeError);
      expect(() =>
        device.write(
          A,
          convert(
            build(3, 2, () => 1),
            other,
          ),
        ),
      ).toThrow(TypeError);
      expect((await device.read(A)).toArrays()).toEqual(value.toArrays());
    });

    test('of another owner are refused', async () => {
      const device = make();
      const A = place(make(), value);
      await expect((async () => device.read(A))()).rejects.toThrow(TypeError);
      expect(() => device.write(A, convert(value, device.dtype))).toThrow(TypeError);
      expect(() => device.free(A)).toThrow(TypeError);
    });

    test('are of no use once freed', async () => {
      const device = make();
      const A = place(device, value);
      device.free(A);
      await expect((async () => device.read(A))()).rejects.toThrow(/freed/);
      expect(() => device.write(A, convert(value, device.dtype))).toThrow(/freed/);
      expect(() => device.free(A)).toThrow(/freed/);
    });
  });
}
