// A report as one HTML file that needs nothing but itself: no script, no font, no network.

import { escapeMarkup } from './escape.js';
import { htmlTable, type Table } from './table.js';

/** A piece of a section. Figures are SVG elements made by this folder's own modules. */
export type Block =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'table'; readonly table: Table }
  | { readonly kind: 'figures'; readonly figures: readonly string[]; readonly caption: string };

/** A heading and what stands below it. */
export interface Section {
  readonly heading: string;
  readonly blocks: readonly Block[];
}

/** What a run was asked to do and what came out. */
export interface Report {
  readonly title: string;
  readonly summary: string;
  readonly configuration: Readonly<Record<string, string | number | boolean>>;
  readonly sections: readonly Section[];
}

/** The report as a complete HTML document. */
export function htmlReport({ title, summary, configuration, sections }: Report): string {
  const settings = Object.entries(configuration)
    .map(
      ([name, value]) =>
        `<div><dt>${escapeMarkup(name)}</dt><dd>${escapeMarkup(String(value))}</dd></div>`,
    )
    .join('\n');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeMarkup(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escapeMarkup(title)}</h1>
<p class="summary">${escapeMarkup(summary)}</p>
<dl>
${settings}
</dl>
${sections.map(section).join('\n')}
</main>
</body>
</html>
`;
}

function section({ heading, blocks }: Section): string {
  return `<section>\n<h2>${escapeMarkup(heading)}</h2>\n${blocks.map(block).join('\n')}\n</section>`;
}

function block(content: Block): string {
  if (content.kind === 'text') return `<p>${escapeMarkup(content.text)}</p>`;
  if (content.kind === 'table') return `<div class="scroll">${htmlTable(content.table)}</div>`;
  const { figures, caption } = content;
  return `<figure>\n<div class="figures">${figures.join('\n')}</div>\n<figcaption>${escapeMarkup(caption)}</figcaption>\n</figure>`;
}

const style = `
:root { --ink: #1c1e21; --quiet: #5b6068; --paper: #ffffff; --line: #d9dce1; --band: #f5f6f8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --quiet: #a0a6af; --paper: #16181c; --line: #363a42; --band: #1f2228; }
}
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
main { max-width: 78rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .5rem; letter-spacing: -.01em; }
h2 { font-size: 1.3rem; margin: 2.75rem 0 .75rem; padding-top: .75rem; border-top: 1px solid var(--line); }
p { max-width: 44rem; margin: .75rem 0; }
.summary { font-size: 1.1rem; color: var(--quiet); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .75rem 1.5rem;
  margin: 1.5rem 0; padding: 1rem 1.25rem; background: var(--band); border-radius: .5rem; }
dt { font-size: .8rem; color: var(--quiet); }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 1.25rem 0; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .5rem; }
th, td { padding: .35rem .9rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--quiet); font-weight: 600; border-bottom-width: 2px; }
th:first-child, td:first-child { padding-left: 0; }
.left { text-align: left; }
.right { text-align: right; }
figure { margin: 1.5rem 0; }
.figures { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }
.figures svg { max-width: 100%; height: auto; overflow: visible; }
figcaption { max-width: 44rem; margin-top: .6rem; font-size: .9rem; color: var(--quiet); }
`;
