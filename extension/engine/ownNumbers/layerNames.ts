/** Which layers of a checkpoint a name in a person's file means. */
import type { TensorSummary } from '../../shared/tensors';

/** What a name of a module lacks of its weight's. */
const WEIGHT = /[./](weight|kernel)$/;

/** In front of texts that a spreadsheet would run, in CSV files of our own. */
const GUARD = /^'(?=\s*[=+\-@＝＋－＠])/u;

/**
 * A layer, a tensor, a tensor's name in another program, or a module that has a weight. A tensor of several layers means all
 * of them.
 *
 * @returns undefined for a name that the checkpoint does not have
 */
export function layerNames(
  tensors: readonly Pick<TensorSummary, 'name' | 'layers' | 'alias'>[],
): (name: string) => readonly string[] | undefined {
  const known = new Map<string, readonly string[]>();
  const layersOf = ({ name, layers }: Pick<TensorSummary, 'name' | 'layers'>): readonly string[] =>
    layers.length > 0 ? layers : [name];
  for (const tensor of tensors) for (const layer of layersOf(tensor)) known.set(layer, [layer]);
  const add = (name: string | undefined, layers: readonly string[]): void => {
    if (name !== undefined && !known.has(name)) known.set(name, layers);
  };
  for (const tensor of tensors) add(tensor.name, layersOf(tensor));
  for (const tensor of tensors) add(tensor.alias, layersOf(tensor));
  for (const tensor of tensors) {
    for (const name of [tensor.name, tensor.alias ?? '']) {
      if (WEIGHT.test(name)) add(name.replace(WEIGHT, ''), layersOf(tensor));
    }
  }
  return (name) => known.get(name) ?? known.get(name.replace(GUARD, ''));
}
