// The house: imports run one way, and TensorFlow.js is named by types alone.

import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { describe, expect, test } from 'vitest';

const require = createRequire(import.meta.url);
const { forbidden, options } = require('../../.dependency-cruiser.cjs');

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.includes('assembly'))
  .map((name) => join('src', name));

async function cruised(rules: unknown): Promise<ICruiseResult> {
  const { output } = await cruise(['src'], { ...options, validate: true, ruleSet: rules });
  if (typeof output === 'string') throw new TypeError('expected a cruise result, not text');
  return output;
}

describe('imports', () => {
  test('run one way', async () => {
    const { modules, summary } = await cruised({ forbidden });
    // A cruiser that cannot parse TypeScript reads nothing and finds nothing wrong.
    const read = modules.filter(({ dependencies }) => dependencies.length > 0);
    expect(read.length).toBeGreaterThan(sources.length / 2);
    expect(modules.map(({ source }) => source)).toEqual(expect.arrayContaining(sources));
    expect(summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`)).toEqual(
      [],
    );
  });

  test('a rule against what is there is violated', async () => {
    const rule = { name: 'backwards', from: { path: '^src/kernels/' }, to: { path: '^src/core/' } };
    const { summary } = await cruised({ forbidden: [{ ...rule, severity: 'error' }] });
    expect(summary.error).toBeGreaterThan(0);
  });

  test.each(sources)('%s names TensorFlow.js as types only', (file) => {
    const text = readFileSync(file, 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '');
    const statements = text.match(/^(import|export)\b[^;]*from '@tensorflow[^;]*;/gm) ?? [];
    const runtime = statements.filter((statement) => !/^(import|export) type\b/.test(statement));
    expect(runtime).toEqual([]);
  });
});
