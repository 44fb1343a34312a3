// A setup file: the tests after it have a `navigator.gpu`, as they have in a browser.

import { provideWebGpu } from '../../bench/gpu/dawn.js';

await provideWebGpu();
