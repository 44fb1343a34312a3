// The server of the page, on loopback: the sources as they are, and the images as one file.

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createServer, type ViteDevServer } from 'vite';
import { imagesPath } from './served.js';

const repository = dirname(createRequire(import.meta.url).resolve('nysact/package.json'));

/** Listens at a port that is free, with these images; the caller closes it. */
export async function servePage(images: Uint8Array): Promise<ViteDevServer> {
  const server = await createServer({
    configFile: false,
    logLevel: 'error',
    root: join(repository, 'bench', 'page'),
    cacheDir: join(repository, 'node_modules', '.vite', 'page'),
    server: { host: '127.0.0.1', hmr: false, watch: null, fs: { allow: [repository] } },
    plugins: [
      {
        name: 'images',
        configureServer: ({ middlewares }) => {
          middlewares.use(imagesPath, (_request, response) => {
            response.setHeader('Content-Type', 'application/octet-stream');
            response.end(images);
          });
        },
      },
    ],
  });
  return server.listen();
}
