// Gradients of depthwise convolutions of images with channels last: channel c has the outputs
// c·multiplier … of its own, so that a pixel of the output and a tap of the filter are rows of as many.

import { addProducts } from './rows';

/** Bytes of workspace of both functions: none, or an image where each channel stands for all its outputs. */
export function depthwiseWorkspace(pixels: i32, inputs: i32, multiplier: i32): f64 {
  return multiplier == 1 ? 0 : 4 * <f64>pixels * inputs * multiplier;
}

/** dF ← the gradient of the filter, from the images and the gradient of the output. */
export function depthwiseFilterGradient(
  batch: i32, height: i32, width: i32, inputs: i32,
  kernelRows: i32, kernelColumns: i32, multiplier: i32,
  strideY: i32, strideX: i32,
  top: i32, left: i32, outRows: i32, outColumns: i32,
  X: usize, dY: usize, dF: usize, work: usize,
): void {
  const outputs = inputs * multiplier;
  const tap = <usize>outputs << 2;
  memory.fill(dF, 0, <usize>(kernelRows * kernelColumns) * tap);
  for (let b = 0; b < batch; b++) {
    let image = X + (<usize>(b * height * width) * <usize>inputs << 2);
    if (multiplier > 1) {
      repeat(height * width * inputs, multiplier, image, work);
      image = work;
    }
    for (let v = 0; v < outRows; v++) {
      for (let u = 0; u < outColumns; u++) {
        for (let i = 0; i < kernelRows; i++) {
          const y = v * strideY - top + i;
          if (y < 0 || y >= height) continue;
          for (let j = 0; j < kernelColumns; j++) {
            const x = u * strideX - left + j;
            if (x < 0 || x >= width) continue;
            const from = image + <usize>(y * width + x) * tap;
            addProducts(outputs, from, dY, dF + <usize>(i * kernelColumns + j) * tap);
          }
        }
        dY += tap;
      }
    }
  }
}

/** dX ← the gradient of the images, from that of the output. */
export function depthwiseInputGradient(
  batch: i32, height: i32, width: i32, inputs: i32,
  kernelRows: i32, kernelColumns: i32, multiplier: i32,
  strideY: i32, strideX: i32,
  top: i32, left: i32, outRows: i32, outColumns: i32,
  dY: usize, F: usize, dX: usize, work: usize,
): void {
  const outputs = inputs * multiplier;
  const tap = <usize>outputs << 2;
  const size = <usize>(height * width * inputs) << 2;
  for (let b = 0; b < batch; b++) {
    const image = multiplier > 1 ? work : dX;
    memory.fill(image, 0, <usize>(height * width) * tap);
    for (let v = 0; v < outRows; v++) {
      for (let u = 0; u < outColumns; u++) {
        for (let i = 0; i < kernelRows; i++) {
          const y = v * strideY - top + i;
          if (y < 0 || y >= height) continue;
          for (let j = 0; j < kernelColumns; j++) {
            const x = u * strideX - left + j;
            if (x < 0 || x >= width) continue;
            const to = image + <usize>(y * width + x) * tap;
            addProducts(outputs, dY, F + <usize>(i * kernelColumns + j) * tap, to);
          }
        }
        dY += tap;
      }
    }
    if (multiplier > 1) fold(height * width * inputs, multiplier, work, dX);
    dX += size;
  }
}

/** to ← every number, `times` times. */
function repeat(n: i32, times: i32, from: usize, to: usize): void {
  for (let i = 0; i < n; i++) {
    const value = load<f32>(from);
    for (let j = 0; j < times; j++) {
      store<f32>(to, value);
      to += 4;
    }
    from += 4;
  }
}

/** to ← the sums of `times` numbers each. */
function fold(n: i32, times: i32, from: usize, to: usize): void {
  for (let i = 0; i < n; i++) {
    let sum: f32 = 0;
    for (let j = 0; j < times; j++) {
      sum += load<f32>(from);
      from += 4;
    }
    store<f32>(to, sum);
    to += 4;
  }
}
