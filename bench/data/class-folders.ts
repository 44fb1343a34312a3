// Images in a folder for each class, as JPEG or PNG files.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import sharp from 'sharp';
import { bytesOf, type Images } from './images.js';
import { writeWhole } from './whole-file.js';

const EXTENSIONS = /\.(jpe?g|png)$/i;

/** How images are read. */
export interface FolderOptions {
  /** Pixels that all images must have a side. */
  readonly side: number;
  /** A folder where what was decoded is kept for the next time. */
  readonly cache: string;
}

/** A file and its class. */
interface Entry {
  readonly path: string;
  readonly label: number;
}

/** The files of a folder, in the order of their names. */
interface Listing {
  readonly folder: string;
  readonly entries: readonly Entry[];
  /** The folders' names, in the order that classes are numbered in. */
  readonly classes: readonly string[];
}

/**
 * All images below `folder`: `<class>/<file>.jpg`, `.jpeg` or `.png`, in the order of their names; classes are
 * numbered in that order too.
 *
 * @throws RangeError where there is no class, a class has no image, or an image is malformed or of another size.
 */
export async function loadClassFolders(
  folder: string,
  { side, cache }: FolderOptions,
): Promise<Images> {
  const { entries, classes: names } = listClassFolders(folder);
  const classes = names.length;
  const path = join(cache, `${fingerprint(entries, side)}.images`);
  const kept = decodedBefore(path);
  if (kept !== undefined) return { ...kept, side, channels: 3, classes };
  const images = await decodeAll(entries, classes, side);
  mkdirSync(cache, { recursive: true });
  writeWhole(path, serialize([images.pixels, images.labels]));
  return images;
}

/** What a file of decoded images holds; undefined where there is none, or it is broken. */
function decodedBefore(path: string): Pick<Images, 'pixels' | 'labels'> | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const [pixels, labels]: [Uint8Array, Int32Array] = deserialize(readFileSync(path));
    return { pixels, labels };
  } catch {
    return undefined;
  }
}

/**
 * What is below `folder`: `<class>/<file>.jpg`, `.jpeg` or `.png`.
 *
 * @throws RangeError where there is no class, or a class has no image.
 */
export function listClassFolders(folder: string): Listing {
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
    .map(({ name }) => name)
    .toSorted();
  if (names.length === 0) {
    throw new RangeError(`${folder}: no folders, expected one for each class`);
  }
  const entries = names.flatMap((name, label) => {
    const files = readdirSync(join(folder, name)).filter((file) => EXTENSIONS.test(file));
    if (files.length === 0) {
      throw new RangeError(`${join(folder, name)}: no .jpg, .jpeg or .png file`);
    }
    return files.toSorted().map((file) => ({ path: join(folder, name, file), label }));
  });
  return { folder, entries, classes: names };
}

/**
 * The folders of training and of test images must have the same classes.
 *
 * @throws RangeError where they have others.
 */
export function checkSameClasses(training: Listing, testing: Listing): void {
  const [expected, found] = [training.classes, testing.classes];
  const odd = [...expected, ...found].find(
    (name) => !(expected.includes(name) && found.includes(name)),
  );
  if (odd === undefined) return;
  throw new RangeError(
    `${testing.folder} has other classes than ${training.folder}: ${odd} is in one of them alone, expected the same names (${found.length} and ${expected.length} classes)`,
  );
}

/** Names, sizes and times of all files: what was decoded of others is not taken for theirs. */
function fingerprint(entries: readonly Entry[], side: number): string {
  const hash = createHash('sha256').update(`${side}`);
  for (const { path } of entries) {
    const { size, mtimeMs } = statSync(path);
    hash.update(`\0${path}\0${size}\0${mtimeMs}`);
  }
  return hash.digest('hex').slice(0, 16);
}

/** So many files are decoded at once. */
const AT_ONCE = 64;

async function decodeAll(
  entries: readonly Entry[],
  classes: number,
  side: number,
): Promise<Images> {
  const shape = { side, channels: 3 };
  const size = bytesOf(shape);
  const pixels = new Uint8Array(entries.length * size);
  for (let start = 0; start < entries.length; start += AT_ONCE) {
    const some = entries.slice(start, start + AT_ONCE);
    const decoded = await Promise.all(some.map(({ path }) => decode(path)));
    for (const [k, { data, width, height }] of decoded.entries()) {
      if (width !== side || height !== side) {
        throw new RangeError(
          `${some[k].path}: ${width}×${height} pixels, expected ${side}×${side}`,
        );
      }
      pixels.set(data, (start + k) * size);
    }
  }
  return { pixels, labels: Int32Array.from(entries, ({ label }) => label), ...shape, classes };
}

interface Decoded {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

async function decode(path: string): Promise<Decoded> {
  const image = sharp(path, { failOn: 'warning' }).toColourspace('srgb').removeAlpha();
  try {
    const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
    return { data, width: info.width, height: info.height };
  } catch (error) {
    throw new RangeError(`${path}: not a whole JPEG or PNG image`, { cause: error });
  }
}
