/**
 * Which layers a name of a file means: the checkpoint's own name of a weight or of its module, or llama.cpp's name of the
 * same weight (`checkpoint/gguf/ggufNames.ts`) in an imatrix.
 */
import { huggingFaceExperts, huggingFaceName, SPELLED_ARCHITECTURES } from '../../checkpoint/gguf/ggufNames';
import type { Measurement, StatisticsFile } from './statisticsFile';
import type { LayerSides, StatisticsLayers } from './statisticsLayers';

/** A layer that a name means, and which matrix of the name's stack it is. */
export interface MeantLayer {
  readonly layer: LayerSides;
  readonly index?: number;
}

export type Resolve = (name: string) => readonly MeantLayer[];

/** Matrices that a name of a file may stand for: more are no stack of experts. */
const MAX_STACK = 65_536;

export function resolver(file: StatisticsFile, layers: StatisticsLayers): Resolve {
  const own: Resolve = (name) => {
    const found = layers.named(name);
    if (!found) return [];
    return found.layers.map((layer, index) => (found.stacked ? { layer, index } : { layer }));
  };
  if (file.format !== 'imatrix') return own;
  const names = [...file.named];
  const unknown = names.filter(([name]) => own(name).length === 0);
  const spelled = (architecture: string): Resolve => {
    return (name) => meantBy(name, architecture, file.named.get(name)?.fields.squareMean, layers);
  };
  // The file does not say which architecture it is of: the spelling that fits most of its names is taken.
  let best: { resolve: Resolve; fitting: number } | undefined;
  for (const architecture of unknown.length > 0 ? SPELLED_ARCHITECTURES : []) {
    const resolve = spelled(architecture);
    const fitting = unknown.filter(([name]) => resolve(name).length > 0).length;
    if (fitting > (best?.fitting ?? 0)) best = { resolve, fitting };
  }
  return (name) => {
    const found = own(name);
    return found.length > 0 ? found : (best?.resolve(name) ?? []);
  };
}

function meantBy(
  name: string,
  architecture: string,
  measured: Measurement | undefined,
  layers: StatisticsLayers,
): readonly MeantLayer[] {
  const plain = huggingFaceName(name, architecture);
  const found = plain === undefined ? undefined : layers.named(plain);
  if (found && !found.stacked) return [{ layer: found.layers[0]! }];
  if (!measured) return [];
  const first = huggingFaceExperts(name, architecture, 0).flatMap((each) => layers.named(each)?.layers ?? [])[0];
  if (!first) return [];
  const count = measured.shape.length > 1 ? measured.shape[0]! : measured.shape[0]! / first.inputs;
  if (!Number.isInteger(count) || count > MAX_STACK) return [];
  return Array.from({ length: count }, (_, index) => {
    const names = huggingFaceExperts(name, architecture, index);
    return names.flatMap((each) => layers.named(each)?.layers.slice(0, 1) ?? []).map((layer) => ({ layer, index }));
  }).flat();
}
