// The benchmark in plain Node, in a process of its own: drivers are found by the environment that it
// starts with, and a driver that crashes takes nothing else along.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { HostReport, MeasureOptions } from './modes.js';
import { softwareVulkan } from './vulkan.js';

/**
 * What Node measures: on software by default, on the machine's graphics card where `hardware` is set.
 *
 * @throws Error where it cannot measure, or ends without a report.
 */
export function measureInNode(hardware: boolean, options: MeasureOptions): Promise<HostReport> {
  const env = hardware ? process.env : { ...process.env, ...softwareVulkan() };
  const script = fileURLToPath(new URL('./child.js', import.meta.url));
  return new Promise((resolve, reject) => {
    const child = fork(script, [JSON.stringify(options)], { env });
    child.once('message', (answer: HostReport | { failure: string }) => {
      if ('failure' in answer) reject(new Error(answer.failure));
      else resolve(answer);
    });
    child.once('error', reject);
    // After an answer this comes too late to matter.
    child.once('exit', (code, signal) =>
      reject(new Error(`the process ended with ${code ?? signal}`)),
    );
  });
}
