/**
 * What FARMS's alpha of a layer is to be compared with. No bands are published for it: 2 to 6 is said of whole matrices. The
 * references are the other layers of the same model, and those of the same role. Pure.
 */
import { l10n } from '../../extension/shared/language/l10n';
import { placeOf } from '../../extension/shared/names/layerPlaces';
import type { LayerResult } from '../../extension/shared/layers';
import { middleHalf } from '../map/depthLines';
import { formatCount, formatNumber } from '../numbers/format';

export interface ReferenceLayer {
  layer: string;
  alpha: number;
}

export interface ReferenceGroup {
  /** `all layers`, or the role's name. */
  label: string;
  /** Other layers, the smallest alpha first. */
  others: readonly ReferenceLayer[];
  /** Half of the others lie between these; null for fewer than four. */
  middle: readonly [number, number] | null;
}

export interface FarmsReference {
  alpha: number;
  groups: readonly ReferenceGroup[];
}

/**
 * @param results of the model's own layers
 * @returns null if the layer has no such alpha, or no other layer has one
 */
export function farmsReference(layer: string, own: LayerResult, results: Iterable<LayerResult>): FarmsReference | null {
  const alpha = alphaOf(own);
  if (alpha === null) return null;
  const others = [...results]
    .flatMap((result) => {
      const found = alphaOf(result);
      return found === null || result.name === layer ? [] : [{ layer: result.name, alpha: found }];
    })
    .sort((a, b) => a.alpha - b.alpha);
  if (others.length === 0) return null;
  const role = placeOf(layer)?.role;
  const same = role === undefined ? [] : others.filter((other) => placeOf(other.layer)?.role === role);
  const groups = [group(l10n.t('all layers'), others)];
  if (same.length > 0 && same.length < others.length) groups.push(group(role!, same));
  return { alpha, groups };
}

/** Where the layer stands, in sentences. */
export function referenceFinding({ alpha, groups }: FarmsReference): string {
  const sentences = groups.map(({ label, others, middle }, i) => {
    const below = others.filter((other) => other.alpha < alpha).length;
    const count = formatCount(others.length);
    const half = middle && [formatNumber(middle[0], 3), formatNumber(middle[1], 3)];
    const first = l10n.many(
      others.length,
      'FARMS α {0} is larger than that of {1} of 1 other layer',
      'FARMS α {0} is larger than that of {1} of {2} other layers',
      formatNumber(alpha, 3),
      below,
      count,
    );
    const next = l10n.many(
      others.length,
      'It is larger than that of {0} of 1 other {2} layer',
      'It is larger than that of {0} of {1} other {2} layers',
      below,
      count,
      label,
    );
    const said = i === 0 ? first : next;
    return half === null ? `${said}.` : l10n.t('{0}; half of them lie between {1} and {2}.', said, half[0]!, half[1]!);
  });
  return sentences.join(' ');
}

function group(label: string, others: readonly ReferenceLayer[]): ReferenceGroup {
  return { label, others, middle: middleHalf(others.map(({ alpha }) => alpha)) };
}

function alphaOf({ farms }: LayerResult): number | null {
  return farms?.status === 'success' ? farms.alpha : null;
}
