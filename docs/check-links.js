// Follows every link of the built reference, the project's documents among its pages, and fails where one
// leads to no page or no anchor. Pages are served on the loopback; links that lead elsewhere are left out.

import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { LinkChecker, LinkState } from 'linkinator';

const built = new URL('../build/api/', import.meta.url);

/** A server of the built files, on a port of its own. */
async function serve() {
  const server = createServer(({ url }, response) => {
    try {
      const { pathname } = new URL(url, built);
      const file = pathname.replace(/\/$/, '/index.html');
      const content = readFileSync(new URL(`.${file}`, built));
      response.setHeader('content-type', file.endsWith('.html') ? 'text/html' : 'text/plain');
      response.end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, address: `http://127.0.0.1:${server.address().port}/` };
}

const pages = readdirSync(fileURLToPath(built), { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.html'));
const { server, address } = await serve();
const { links } = await new LinkChecker().check({
  path: pages.map((page) => address + page),
  checkFragments: true,
  linksToSkip: async (link) => !link.startsWith(address),
});
server.close();

const broken = links.filter(({ state }) => state === LinkState.BROKEN);
for (const { url, parent } of broken)
  console.error(`${parent ?? ''} → ${url}`.replaceAll(address, ''));
console.log(`${pages.length} pages, ${broken.length} broken links`);
if (pages.length === 0 || broken.length > 0) process.exitCode = 1;
