/** Which layers and parts of layers a command is about: by (patterns of) their names or aliases, and by `--split`. */
import picomatch from 'picomatch';
import { UsageError, type SplitKind } from './cliArguments';
import type { EngineDocument } from './engineDocument';
import { isHead } from './layerParts';

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
  // A pattern without a bracket means whole layers, of which `--split` may take the parts.
  const listed = patterns.some((pattern) => pattern.includes('['))
    ? [...document.layers.keys()].flatMap((name) => [name, ...document.partsIn(name).parts.map((part) => part.name)])
    : [...document.layers.keys()];
  const chosen = patterns.length > 0 ? matching(listed, patterns, document) : listed;
  return split === undefined ? chosen : [...new Set(chosen.flatMap((name) => splitInto(document, name, split)))];
}

/** The name of the layer or part that is called so, or has the alias; as it is where there is none, for others to tell. */
export function namedLayer(document: NamedDocument, given: string): string {
  const is = (name: string): boolean => name === given || document.aliasOf(name) === given;
  // Parts have brackets in their names: the parts of a whole model are not made for the name of a layer.
  const mayBePart = given.includes('[');
  for (const layer of document.layers.keys()) {
    if (is(layer)) return layer;
    const part = mayBePart ? document.partsIn(layer).parts.find(({ name }) => is(name)) : undefined;
    if (part) return part.name;
  }
  return given;
}

function matching(names: readonly string[], patterns: readonly string[], document: NamedDocument): string[] {
  const found = new Set<string>();
  for (const pattern of patterns) {
    // `bash`: a star also matches the slashes of TensorFlow's names. Brackets are a set of letters, or a part's name.
    const options = { bash: true, dot: true };
    const matches = picomatch([pattern, pattern.replace(/[[\]]/g, '\\$&')], options);
    const is = (name: string | undefined): boolean => name !== undefined && (name === pattern || matches(name));
    const hits = names.filter((name) => is(name) || is(document.aliasOf(name)));
    if (hits.length === 0) throw new UsageError(`no layer matches "${pattern}"`);
    for (const name of hits) found.add(name);
  }
  return names.filter((name) => found.has(name));
}

/** The parts of the kind, or the layer itself where it has none. */
function splitInto(document: Pick<EngineDocument, 'partsIn'>, name: string, split: SplitKind): string[] {
  const { parts } = document.partsIn(name);
  const wanted = parts.filter((part) => isHead(part) === (split === 'heads'));
  return wanted.length > 0 ? wanted.map((part) => part.name) : [name];
}
