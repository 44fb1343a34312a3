// The API reference: every name of every entrance of the package, built into build/api. What the checker
// of links or of names has to say is an error.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Application, Comment, Converter, ReflectionKind } from 'typedoc';

const root = new URL('../', import.meta.url);
const { exports } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));

/** The source files of the entrances, and the names that users import them by. */
const entrances = new Map(
  Object.entries(exports)
    .filter(([subpath, { types }]) => types !== undefined && subpath !== './worker')
    .map(([subpath, { types }]) => {
      const source = types.replace('./dist/', 'src/').replace('.d.ts', '.ts');
      return [fileURLToPath(new URL(source, root)), `nysact${subpath.slice(1)}`];
    }),
);

/** Names modules as users import them, and describes them by the first line of their files. */
function presentEntrances({ converter }) {
  converter.on(Converter.EVENT_CREATE_DECLARATION, (context, declaration) => {
    // An option's default is in its docstring; what the list of options holds is no value.
    if (declaration.kindOf(ReflectionKind.Property)) delete declaration.defaultValue;
    if (!declaration.kindOf(ReflectionKind.Module)) return;
    const [{ fileName }] = context.getSymbolFromReflection(declaration).declarations;
    const [firstLine] = readFileSync(fileName, 'utf8').split('\n');
    declaration.name = entrances.get(fileName);
    declaration.comment = new Comment([{ kind: 'text', text: firstLine.replace('// ', '') }]);
  });
}

/** Warns of an option that is not described. */
function requireOptions(app) {
  app.on(Application.EVENT_VALIDATE_PROJECT, (project) => {
    const lists = project
      .getReflectionsByKind(ReflectionKind.Interface)
      .filter(({ name }) => name.endsWith('Options'));
    for (const option of lists.flatMap(({ children = [] }) => children)) {
      if (!option.hasComment()) app.logger.warn(`${option.getFullName()} is not described`);
    }
  });
}

/** @type {Partial<import('typedoc').TypeDocOptions>} */
export default {
  name: 'nysact',
  entryPoints: [...entrances.keys()],
  tsconfig: '../tsconfig.build.json',
  plugin: [presentEntrances, requireOptions],
  out: '../build/api',
  readme: '../README.md',
  projectDocuments: ['*.md', 'examples/*.md', '../SECURITY.md', '../CHANGELOG.md'],
  githubPages: false,
  hideGenerator: true,
  // Links to lines need the address of a repository.
  disableSources: true,
  treatWarningsAsErrors: true,
  // Nobody has to name these to use the library.
  intentionallyNotExported: ['As', 'LearningRate', 'Union', 'WorkerSource'],
};
