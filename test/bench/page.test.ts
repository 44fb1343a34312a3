// The page's images as bytes, and the server that serves them.

import { expect, test } from 'vitest';
import { samplesFrom } from '../../bench/data/samples.js';
import { decodeImages, encodeImages } from '../../bench/page/images.js';
import { imagesPath } from '../../bench/page/served.js';
import { servePage } from '../../bench/page/server.js';

const samples = samplesFrom(Int32Array.of(3, 9, 0, 255), 784, (row) =>
  Uint8Array.from({ length: 784 }, (_, j) => (j + row) % 256),
);

test('images come back from their bytes, the last ones apart', () => {
  const bytes = encodeImages(samples);
  expect(bytes).toHaveLength(4 * 785);
  const { train, test: last } = decodeImages(bytes, 1);
  expect([...train.labels, ...last.labels]).toEqual([...samples.labels]);
  expect([...train.images.data, ...last.images.data]).toEqual([...samples.images.data]);
});

test.each([
  [784, 0],
  [785, 2],
])('%i bytes with %i images apart are refused', (length, apart) => {
  expect(() => decodeImages(new Uint8Array(length), apart)).toThrow(
    `decodeImages: ${length} bytes, expected 785 for each of at least ${apart} images`,
  );
});

test('the server gives the page, its script and the images, on loopback', async () => {
  const bytes = encodeImages(samples);
  const server = await servePage(bytes);
  try {
    const [origin = ''] = server.resolvedUrls?.local ?? [];
    expect(origin).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    const page = await (await fetch(origin)).text();
    expect(page).toContain('<div id="page">');
    expect(page).not.toMatch(/https?:\/\//);
    const script = await fetch(`${origin}main.ts`);
    expect(await script.text()).toContain('mountPage');
    const images = await fetch(new URL(imagesPath, origin));
    expect(new Uint8Array(await images.arrayBuffer())).toEqual(bytes);
  } finally {
    await server.close();
  }
});
