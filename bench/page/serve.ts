// `npm run page`: serves the page, and says where.

import { loadFashionMnist } from '../data/fashion-mnist.js';
import { encodeImages } from './images.js';
import { imageCounts } from './served.js';
import { servePage } from './server.js';

const { train, test } = loadFashionMnist({ ...imageCounts, validation: 0, seed: 1 });
const { resolvedUrls } = await servePage(Buffer.concat([train, test].map(encodeImages)));
console.log(`LeNet trains live at ${resolvedUrls?.local[0] ?? 'no address'} (Ctrl+C ends it).`);
