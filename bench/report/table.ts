// One table, three ways to print it: terminal, Markdown, HTML.

import CliTable from 'cli-table3';
import { escapeMarkup } from './escape.js';

/** A column of a {@link Table}: its heading, and `right` for numbers. */
export interface Column {
  readonly heading: string;
  readonly align: 'left' | 'right';
}

/** Rows of text under headings. */
export interface Table {
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
}

/** The table with box-drawing characters, for a terminal; free of colour codes. */
export function terminalTable({ title, columns, rows }: Table): string {
  const table = new CliTable({
    head: columns.map((column) => column.heading),
    colAligns: columns.map((column) => column.align),
    style: { head: [], border: [], compact: true },
  });
  table.push(...rows.map((row) => [...row]));
  return `${title}\n${table.toString()}`;
}

/** The table in GitHub-flavoured Markdown. */
export function markdownTable({ title, columns, rows }: Table): string {
  const head = markdownLine(columns.map((column) => column.heading));
  const rule = markdownLine(columns.map(({ align }) => (align === 'right' ? '---:' : ':---')));
  return [`**${title}**`, '', head, rule, ...rows.map(markdownLine)].join('\n');
}

function markdownLine(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** The table as an HTML `table` element, every text escaped. */
export function htmlTable({ title, columns, rows }: Table): string {
  const cell = (tag: 'td' | 'th', text: string, j: number): string =>
    `<${tag} class="${columns[j].align}">${escapeMarkup(text)}</${tag}>`;
  const line = (tag: 'td' | 'th', cells: readonly string[]): string =>
    `<tr>${cells.map((text, j) => cell(tag, text, j)).join('')}</tr>`;
  const head = line(
    'th',
    columns.map((column) => column.heading),
  );
  const body = rows.map((row) => line('td', row)).join('\n');
  return `<table>\n<caption>${escapeMarkup(title)}</caption>\n<thead>${head}</thead>\n<tbody>\n${body}\n</tbody>\n</table>`;
}
