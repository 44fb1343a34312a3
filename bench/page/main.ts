// The script of the page: the images come from the server beside it.

import { decodeImages } from './images.js';
import { mountPage } from './page.js';
import { imageCounts, imagesPath } from './served.js';

const container = document.querySelector<HTMLElement>('#page');
if (container === null) throw new Error('page: there is no element with the id page');

mountPage(container, {
  async load() {
    const response = await fetch(imagesPath);
    if (!response.ok) throw new Error(`page: ${imagesPath} answers ${response.status}`);
    return decodeImages(new Uint8Array(await response.arrayBuffer()), imageCounts.test);
  },
  plan: { steps: 300, batchSize: 128, seed: 1 },
  testEvery: 10,
});
