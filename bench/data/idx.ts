// The IDX file format of MNIST: a big-endian magic number, the dimensions, then bytes.

const imagesMagic = 0x0803;
const labelsMagic = 0x0801;

/** Grey images, one after another, each row by row. */
export interface IdxImages {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly pixels: Uint8Array;
}

/**
 * The images of an IDX file of three dimensions, without copying their bytes.
 *
 * @throws RangeError where the magic number or the length is not what the format prescribes.
 */
export function parseIdxImages(file: Uint8Array, name: string): IdxImages {
  const [count, height, width] = dimensions(file, name, imagesMagic, 3);
  return { count, height, width, pixels: file.subarray(16) };
}

/**
 * The labels of an IDX file of one dimension, without copying them.
 *
 * @throws RangeError where the magic number or the length is not what the format prescribes.
 */
export function parseIdxLabels(file: Uint8Array, name: string): Uint8Array {
  dimensions(file, name, labelsMagic, 1);
  return file.subarray(8);
}

function dimensions(file: Uint8Array, name: string, magic: number, rank: number): number[] {
  const header = 4 * (rank + 1);
  if (file.length < header) {
    throw new RangeError(`${name}: ${file.length} bytes, expected a header of ${header}`);
  }
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (view.getUint32(0) !== magic) {
    throw new RangeError(`${name}: magic number ${view.getUint32(0)}, expected ${magic}`);
  }
  const sizes = Array.from({ length: rank }, (_, axis) => view.getUint32(4 * (axis + 1)));
  const expected = sizes.reduce((product, size) => product * size, 1);
  if (file.length - header !== expected) {
    throw new RangeError(
      `${name}: ${file.length - header} bytes follow the header, expected ${sizes.join('×')}`,
    );
  }
  return sizes;
}
