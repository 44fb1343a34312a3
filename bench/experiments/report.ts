// The report on experiments: tables to read in the terminal, and a page with the figures.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Block, htmlReport, type Section } from '../report/html.js';
import { markdownTable, terminalTable } from '../report/table.js';
import type { Results } from './engine/results.js';
import type { Scope } from './studies/experiment.js';
import { experiments } from './studies/index.js';

/** Writes what is known of the experiments to `out`: report.html, report.md and the figures; the tables as text. */
export async function report(
  names: readonly string[],
  scope: Scope,
  results: Results,
  out: string,
): Promise<string> {
  mkdirSync(out, { recursive: true });
  const sections: Section[] = [];
  const pages: string[] = [];
  const tables: string[] = [];
  for (const name of names) {
    const { title, report: blocksOf } = experiments[name];
    const blocks = await blocksOf(scope, results);
    sections.push({ heading: title, blocks });
    pages.push(`## ${title}`, ...blocks.map((block, k) => written(block, `${name}-${k}`, out)));
    for (const block of blocks) {
      if (block.kind === 'table') tables.push(`${title}\n${terminalTable(block.table)}`);
      if (block.kind === 'text') tables.push(`${title}\n${block.text}`);
    }
  }
  const machines = results.machines.map(
    ({ cpu, cores, node, tensorflow }) =>
      `${cores} cores of ${cpu}, Node ${node}, TensorFlow.js ${tensorflow}`,
  );
  const html = htmlReport({
    title: 'Experiments',
    summary: `The paper's tables and figures as they came out at the scale '${scope.scale}'.`,
    configuration: {
      scale: scope.scale,
      seeds: scope.seeds,
      results: machines.length,
      machines: [...new Set(machines)].join('; '),
    },
    sections,
  });
  const paths = { 'report.html': html, 'report.md': `${pages.join('\n\n')}\n` };
  for (const [file, content] of Object.entries(paths)) writeFileSync(join(out, file), content);
  tables.push(`Written to ${join(out, 'report.html')} and ${join(out, 'report.md')}.`);
  return tables.join('\n\n');
}

/** A block in Markdown; figures become files of their own. */
function written(block: Block, name: string, out: string): string {
  if (block.kind === 'text') return block.text;
  if (block.kind === 'table') return markdownTable(block.table);
  const files = block.figures.map((figure, k) => {
    const file = `${name}-${k}.svg`;
    writeFileSync(join(out, file), figure);
    return `![${block.caption}](${file})`;
  });
  return [...files, block.caption].join('\n\n');
}
