/**
 * Two things that the filter knows beside the columns: what was found of a layer (`finding:over`) and its role in its block
 * (`role:q_proj`). Together they name a group of findings in words that can be read, changed and taken away. Pure.
 */
import { unusualLayers, type UnusualLayer } from '../../extension/shared/findings/unusualLayers';
import { l10n } from '../../extension/shared/language/l10n';
import type { LayerResult } from '../../extension/shared/layers';
import type { TensorSummary } from '../../extension/shared/tensors';
import { mapGrid } from '../map/mapGrid';
import { ofTheModel } from '../numbers/ofTheModel';
import type { FilterField } from './filterQuery';

export const FINDING = 'finding';
export const ROLE = 'role';

/** Role of a layer that stands in no block. */
const OUTSIDE = 'outside';

/** A word that can be typed; names of modules may be of any length. */
const LONGEST_WORD = 40;

/** What the filter reads of an inspection. */
export interface FoundResults {
  readonly summary: { readonly tensors: readonly TensorSummary[] };
  readonly results: ReadonlyMap<string, LayerResult>;
  /** Grows with every result. */
  readonly version: number;
}

export class FilterFindings {
  readonly fields: readonly FilterField[] = [
    {
      ...{ key: FINDING, label: l10n.t('Finding'), sort: () => null },
      text: ({ layer }) => (layer === undefined ? null : (this.findings.get(layer) ?? null)),
    },
    {
      ...{ key: ROLE, label: l10n.t('Role'), sort: () => null },
      text: ({ layer }) => (layer === undefined ? null : this.roleOf(layer)),
    },
  ];
  private readonly ofTheModel: (results: Iterable<LayerResult>) => LayerResult[];
  private roles: ReadonlyMap<string, string> | null = null;
  private found = new Map<string, string[]>();
  private version = -1;

  constructor(private readonly inspection: FoundResults) {
    this.ofTheModel = ofTheModel(inspection.summary.tensors);
  }

  /** The filter that lets these layers through, and no others: all of which one group says the same. */
  termOf(group: readonly UnusualLayer[]): string {
    const roles = new Set(group.map(({ layer }) => this.roleOf(layer)));
    return `${FINDING}=${findingWord(group[0]!)} ${ROLE}=${[...roles].join(',')}`;
  }

  private get findings(): ReadonlyMap<string, readonly string[]> {
    const { version, results } = this.inspection;
    if (version === this.version) return this.found;
    this.version = version;
    this.found = new Map();
    for (const unusual of unusualLayers(this.ofTheModel(results.values()))) {
      const words = this.found.get(unusual.layer);
      if (words) words.push(findingWord(unusual));
      else this.found.set(unusual.layer, [findingWord(unusual)]);
    }
    return this.found;
  }

  private roleOf(layer: string): string {
    this.roles ??= rolesOf(this.inspection.summary.tensors);
    return this.roles.get(layer) ?? OUTSIDE;
  }
}

/** `over`; with the reason where one kind has several: `failed/no-power-law-fit:-fewer-than-10-eigenvalues`. */
function findingWord({ kind, group }: UnusualLayer): string {
  return group === '' ? kind : `${kind}/${wordOf(group)}`;
}

function rolesOf(tensors: readonly TensorSummary[]): Map<string, string> {
  const { roles, roleNames, cells } = mapGrid(tensors).map;
  const taken = new Set([OUTSIDE]);
  const of = new Map<string, string>();
  cells.forEach((row, r) => {
    const names = [wordOf(roleNames[r]!), wordOf(roles[r]!)];
    const word = names.find((name) => !taken.has(name)) ?? `${names[0]!}-${r}`;
    taken.add(word);
    for (const layers of row) for (const layer of layers) of.set(layer, word);
  });
  return of;
}

/** In one piece, without what separates terms of a filter. */
function wordOf(text: string): string {
  return text
    .toLowerCase()
    .replace(/[\s,]+/g, '-')
    .slice(0, LONGEST_WORD);
}
