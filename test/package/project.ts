// A project that has installed the packed library, as a user's has.

import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** A folder outside of this repository, with the library among its modules. */
export interface Project {
  readonly folder: string;
  /** Writes a file of the project and returns its path. */
  write(name: string, content: string): string;
  remove(): void;
}

/** Packs the library and unpacks it into a new project, with what it depends on. */
export function installedProject(): Project {
  const folder = mkdtempSync(join(tmpdir(), 'nysact-project-'));
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, 'nysact'), { recursive: true });
  const checkout = copiedCheckout(join(folder, 'checkout'));
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: checkout });
  const { version } = readPackage('package.json');
  const tarball = join(folder, `nysact-${version}.tgz`);
  execFileSync('tar', ['-xzf', tarball, '-C', join(modules, 'nysact'), '--strip-components=1']);
  for (const name of dependencies(join(modules, 'nysact', 'package.json'), new Set())) {
    cpSync(join('node_modules', name), join(modules, name), { recursive: true });
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }\n');
  return {
    folder,
    write(name, content) {
      const path = join(folder, name);
      writeFileSync(path, content);
      return path;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** What is not packed, and no build needs. */
const LEFT_OUT = new Set(['.git', 'node_modules', 'build', 'coverage', 'dist', 'bench', 'test']);

/** A checkout of its own to build in: test files that pack at the same time share no `dist`. */
function copiedCheckout(folder: string): string {
  for (const name of readdirSync('.').filter((entry) => !LEFT_OUT.has(entry))) {
    cpSync(name, join(folder, name), { recursive: true });
  }
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  return folder;
}

interface Package {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

function readPackage(path: string): Package {
  const content: Package = JSON.parse(readFileSync(path, 'utf8'));
  return content;
}

/** The run-time dependencies of a package, and theirs. */
function dependencies(path: string, found: Set<string>): Set<string> {
  for (const name of Object.keys(readPackage(path).dependencies ?? {})) {
    if (found.has(name)) continue;
    found.add(name);
    dependencies(join('node_modules', name, 'package.json'), found);
  }
  return found;
}
