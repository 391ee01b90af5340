/**
 * Selects the layers and parts of layers that a command is about: by names, aliases or patterns of them, and by
 * `--split`.
 */
import { firstNames } from '../../checkpoint/problemList';
import { isCompressible } from '../../compression/storageNotes';
import { globMatcher } from '../../shared/names/glob';
import { UsageError, type SplitKind } from './cliArguments';
import type { EngineDocument } from '../document/engineDocument';
import { isHead } from '../document/layerParts';
import { didYouMean } from '../../shared/names/nearestNames';

/** Names that a message lists. */
const NAMES_SHOWN = 3;

type NamedDocument = Pick<EngineDocument, 'layers' | 'partsIn' | 'aliasOf'>;

/**
 * Names in the file's order.
 *
 * @param patterns of layers' or parts' names; all layers without any
 * @throws UsageError where a pattern matches nothing: a mistyped layer must not look like an empty result
 */
export function selectedLayers(
  document: NamedDocument,
  patterns: readonly string[],
  split: SplitKind | undefined,
): string[] {
  const layers = [...document.layers.keys()];
  const chosen = patterns.length > 0 ? matching(document, layers, patterns) : layers;
  return split === undefined ? chosen : [...new Set(chosen.flatMap((name) => splitInto(document, name, split)))];
}

/**
 * The one layer or part that is called so, has the alias, or is alone in matching the pattern.
 *
 * @throws UsageError where none or several do
 */
export function oneLayer(document: NamedDocument, pattern: string): string {
  const exact = namedLayer(document, pattern);
  if (exact !== undefined) return exact;
  const found = selectedLayers(document, [pattern], undefined);
  if (found.length === 1) return found[0]!;
  const names = firstNames(found, NAMES_SHOWN);
  throw new UsageError(`"${pattern}" matches ${found.length} layers (${names}), and only one can be taken`);
}

/**
 * The layers that are meant to be compressed: those that are named, whether they can be or not, and of those that match a
 * pattern the ones that can.
 *
 * @throws UsageError where a pattern matches none
 */
export function layersToCompress(
  document: NamedDocument & Pick<EngineDocument, 'checkpoint'>,
  patterns: readonly string[],
): string[] {
  const found = patterns.flatMap((pattern) => {
    const exact = namedLayer(document, pattern);
    if (exact !== undefined) return [exact];
    const matches = selectedLayers(document, [pattern], undefined);
    const can = matches.filter((name) => {
      const layer = document.layers.get(name);
      return layer?.geometry !== undefined && isCompressible(document.checkpoint, layer.tensor);
    });
    if (can.length > 0) return can;
    const names = firstNames(matches, NAMES_SHOWN);
    throw new UsageError(`no layer that matches "${pattern}" can be compressed (${names})`);
  });
  return [...new Set(found)];
}

/** The name of the layer or part that is called so, or has the alias. */
function namedLayer(document: NamedDocument, given: string): string | undefined {
  const is = (name: string): boolean => name === given || document.aliasOf(name) === given;
  // Parts have brackets in their names: the parts of a whole model are not made for the name of a layer.
  const mayBePart = given.includes('[');
  for (const layer of document.layers.keys()) {
    if (is(layer)) return layer;
    const part = mayBePart ? document.partsIn(layer).parts.find(({ name }) => is(name)) : undefined;
    if (part) return part.name;
  }
  return undefined;
}

function matching(document: NamedDocument, layers: readonly string[], patterns: readonly string[]): string[] {
  // Only a pattern with a bracket can mean parts: of whole layers, `--split` may take them.
  const all = patterns.some((pattern) => pattern.includes('['))
    ? layers.flatMap((name) => [name, ...document.partsIn(name).parts.map((part) => part.name)])
    : layers;
  const found = new Set<string>();
  for (const pattern of patterns) {
    // As a set of letters, `*[gate]` is every name that ends in one of these: brackets are that only where no part is called so.
    const hits =
      hitsOf(escaped(pattern), pattern.includes('[') ? all : layers) ??
      hitsOf(pattern.replace(/\[[^[\]]*\]$/, escaped), pattern.endsWith(']') ? all : layers) ??
      hitsOf(pattern, layers);
    if (!hits) throw new UsageError(`no layer matches "${pattern}"${didYouMean(pattern, all)}`);
    for (const name of hits) found.add(name);
  }
  return all.filter((name) => found.has(name));

  function hitsOf(glob: string, names: readonly string[]): string[] | undefined {
    const matches = matcherOf(glob);
    const is = (name: string | undefined): boolean => name !== undefined && (name === glob || matches(name));
    const hits = names.filter((name) => is(name) || is(document.aliasOf(name)));
    return hits.length > 0 ? hits : undefined;
  }
}

function matcherOf(glob: string): (name: string) => boolean {
  try {
    return globMatcher(glob);
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
}

function escaped(pattern: string): string {
  return pattern.replace(/[[\]]/g, '\\$&');
}

/** The parts of the kind, or the layer itself where it has none. */
function splitInto(document: Pick<EngineDocument, 'partsIn'>, name: string, split: SplitKind): string[] {
  const { parts } = document.partsIn(name);
  const wanted = parts.filter((part) => isHead(part) === (split === 'heads'));
  return wanted.length > 0 ? wanted.map((part) => part.name) : [name];
}
