// The command line of the demonstration.

import { parseArgs } from 'node:util';

/** What the command line asks for. */
export type Request =
  | { readonly kind: 'help' }
  | { readonly kind: 'run'; readonly quick: boolean; readonly seed: number }
  | { readonly kind: 'misuse'; readonly message: string };

export const usage = `usage: npm run demo -- [--quick] [--seed <n>] [--help]

Trains a perceptron on MNIST with SGD, AdamW, FOOF, KFAC, Eva and NysAct, and LeNet on
Fashion-MNIST with SGD, Adam, FOOF and NysAct. Compares them in a table each, and
measures how well sketches approximate the activation covariances of the trained
perceptron. Writes bench/results/demo.json and demo.html.

  --quick     a small run for a look, not for figures to quote
  --seed <n>  seed of everything random, an integer >= 0 (default 1)
  --help      this text`;

/** Reads the arguments that follow the command. */
export function readRequest(args: string[]): Request {
  try {
    const { values } = parseArgs({
      args,
      options: {
        quick: { type: 'boolean', default: false },
        seed: { type: 'string', default: '1' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return { kind: 'help' };
    if (/^\d{1,15}$/.test(values.seed)) {
      return { kind: 'run', quick: values.quick, seed: Number(values.seed) };
    }
    return {
      kind: 'misuse',
      message: `--seed is '${values.seed}', expected an integer >= 0 of at most 15 digits`,
    };
  } catch (error) {
    if (error instanceof TypeError) return { kind: 'misuse', message: error.message };
    throw error;
  }
}
