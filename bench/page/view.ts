// What the page shows: choices, buttons, a line on how things stand, curves and figures.

import * as Plot from '@observablehq/plot';
import { formatMilliseconds } from '../report/format.js';
import { type LineChart, lineChartOptions, type Point } from '../report/line-chart.js';

/** One run as it is drawn. */
export interface Curve {
  readonly name: string;
  /** Means of the last {@link lossesPerPoint} batches: one alone tells little. */
  readonly losses: Point[];
  /** In percent. */
  readonly accuracies: Point[];
  /** Of the last steps. */
  milliseconds: number;
}

/** Batches behind a point of the loss, once there are so many. */
export const lossesPerPoint = 10;

/** As many curves can be told apart. */
export const mostCurves = 7;

/** A choice of a list. */
export interface Choice {
  readonly name: string;
  readonly title: string;
}

/** How the page stands: what is said, and which buttons work. */
export interface Standing {
  readonly kind: 'ready' | 'busy' | 'failed';
  readonly text: string;
}

/** The elements of the page. */
export interface View {
  readonly backend: HTMLSelectElement;
  readonly optimiser: HTMLSelectElement;
  readonly start: HTMLButtonElement;
  readonly stop: HTMLButtonElement;
  readonly clear: HTMLButtonElement;
  readonly status: HTMLElement;
  readonly figures: HTMLElement;
  readonly table: HTMLElement;
}

/** Builds the page in an element. */
export function buildView(
  container: HTMLElement,
  backends: readonly Choice[],
  optimisers: readonly Choice[],
): View {
  const view: View = {
    backend: select(backends),
    optimiser: select(optimisers),
    start: button('Start'),
    stop: button('Stop'),
    clear: button('Clear'),
    status: element('output', []),
    figures: element('div', []),
    table: element('div', []),
  };
  view.figures.className = 'figures';
  const controls = element('form', [
    element('label', ['Backend', view.backend]),
    element('label', ['Optimiser', view.optimiser]),
    view.start,
    view.stop,
    view.clear,
  ]);
  container.replaceChildren(controls, view.status, view.figures, view.table);
  return view;
}

/** Says how things stand. */
export function showStanding(view: View, { kind, text }: Standing, curves: number): void {
  const busy = kind === 'busy';
  view.status.textContent = text;
  view.status.dataset.kind = kind;
  view.start.disabled = busy;
  view.stop.disabled = !busy;
  view.clear.disabled = busy || curves === 0;
  view.backend.disabled = busy;
  view.optimiser.disabled = busy;
}

/** Marks a backend that cannot be had. */
export function showMissing(view: View, name: string): void {
  for (const option of view.backend.options) {
    if (option.value !== name || option.disabled) continue;
    option.disabled = true;
    option.textContent += ' (missing)';
  }
}

/** Draws all curves anew. */
export function drawCurves(view: View, curves: readonly Curve[]): void {
  const x = { label: 'step', scale: 'linear' } as const;
  const charts: LineChart[] = [
    {
      title: 'Training loss',
      x,
      y: { label: `cross-entropy, mean of ${lossesPerPoint} batches`, scale: 'log' },
      series: curves.map(({ name, losses }) => ({ name, points: losses })),
    },
    {
      title: 'Test accuracy',
      x,
      y: { label: '% of test images', scale: 'linear' },
      series: curves.map(({ name, accuracies }) => ({ name, points: accuracies })),
    },
  ];
  const drawn = charts.filter(({ series }) => series.some(({ points }) => points.length > 0));
  view.figures.replaceChildren(...drawn.map((chart) => Plot.plot(lineChartOptions(chart))));
  view.table.replaceChildren(...(curves.length === 0 ? [] : [tableOf(curves)]));
}

function tableOf(curves: readonly Curve[]): HTMLElement {
  const row = (tag: 'td' | 'th', cells: readonly string[]) =>
    element(
      'tr',
      cells.map((cell) => element(tag, [cell])),
    );
  return element('table', [
    element('thead', [row('th', ['run', 'step', 'loss', 'test accuracy', 'time per step'])]),
    element(
      'tbody',
      curves.map(({ name, losses, accuracies, milliseconds }) =>
        row('td', [
          name,
          String(losses.at(-1)?.x ?? 0),
          losses.at(-1)?.y.toFixed(3) ?? '–',
          accuracies.length === 0 ? '–' : `${accuracies.at(-1)?.y.toFixed(1)} %`,
          losses.length === 0 ? '–' : formatMilliseconds(milliseconds),
        ]),
      ),
    ),
  ]);
}

function select(choices: readonly Choice[]): HTMLSelectElement {
  return element(
    'select',
    choices.map(({ name, title }) => {
      const option = element('option', [title]);
      option.value = name;
      return option;
    }),
  );
}

function button(text: string): HTMLButtonElement {
  const made = element('button', [text]);
  made.type = 'button';
  return made;
}

function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  children: readonly (Node | string)[],
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.append(...children);
  return made;
}
