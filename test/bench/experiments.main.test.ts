// The command as a whole: what it prints, writes and exits with.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'command-'));
const { argv } = process;
afterAll(() => {
  process.argv = argv;
  process.exitCode = undefined;
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

test('an experiment that fails keeps no other from being done, nor the report from being written', async () => {
  const [log, error] = (['log', 'error'] as const).map((name) =>
    vi.spyOn(console, name).mockReturnValue(),
  );
  const nowhere = join(folder, 'nowhere');
  const names = ['figure2', 'figure3', 'table6'];
  process.argv = [...argv.slice(0, 2), ...names, '--data', nowhere, '--out', folder];
  await import('../../bench/experiments/main.js');
  expect(process.exitCode).toBe(1);
  expect(log.mock.calls.join('\n')).toContain('Table VI');
  expect(existsSync(join(folder, 'report.html'))).toBe(true);
  expect(error.mock.calls).toEqual([
    [expect.stringMatching(/^experiments: CIFAR-10 is not here: .*nowhere holds none/)],
  ]);
});
