/**
 * The compression methods of one layer: name, what each needs, which options it takes. The page, the terminal, the plan's
 * schema and the README read this list; `compression/methods/registry.ts` says what each does, and does not compile without
 * that.
 */
import { l10n } from '../language/l10n';
import type { OptionName } from './methodOptions';

/** Statistics of a layer that a method cannot do without. */
export type StatisticName =
  /** Fisher information of the weights: of each, or summed over the rows of W. */
  | 'fisher'
  /** Mean |x| of each input, or an imatrix: mean x². */
  | 'diagonal'
  /** Gram matrix of the inputs, C = XXᵀ. */
  | 'gram'
  /** Mean of each input, and the number of tokens behind the Gram matrix. */
  | 'mean'
  /** What a quantised checkpoint holds of the same weight. */
  | 'quantised';

interface Row {
  /** In plans, metadata and the command line. */
  readonly name: string;
  readonly label: string;
  readonly description: string;
  /** What `rank` counts; absent if the method has none. */
  readonly rank?: 'rank' | 'columns' | 'bond dimension' | 'atoms';
  /** The method finds a rank itself if none is given. */
  readonly findsRank?: true;
  readonly options: readonly OptionName[];
  /** Each of them, or the first of them that is known, if the method can choose (`'diagonal|gram'`). */
  readonly needs: readonly (StatisticName | 'gram|diagonal')[];
  /**
   * `pair`: two factors, as every target of §12 stores them. `parts`: parts with a manifest. `adapter`: initial LoRA
   * factors and the base that goes with them.
   */
  readonly stores: 'pair' | 'parts' | 'adapter';
  readonly source: string;
}

const ROWS = [
  {
    name: 'svd',
    label: l10n.t('Truncated SVD'),
    description: l10n.t(
      'Keeps the largest singular directions: the smallest error at a rank if nothing is known of the inputs.',
    ),
    rank: 'rank',
    options: [],
    needs: [],
    stores: 'pair',
    source: 'Eckart & Young 1936',
  },
  {
    name: 'fwsvd',
    label: l10n.t('Fisher-weighted SVD'),
    description: l10n.t('SVD with the rows weighted by their Fisher information.'),
    rank: 'rank',
    options: [],
    needs: ['fisher'],
    stores: 'pair',
    source: 'FWSVD, arXiv 2207.00112',
  },
  {
    name: 'asvd',
    label: l10n.t('Activation-aware SVD'),
    description: l10n.t('SVD with the inputs weighted by the root of their mean magnitude, or by an imatrix.'),
    rank: 'rank',
    options: [],
    needs: ['diagonal'],
    stores: 'pair',
    source: 'ASVD, arXiv 2312.05821',
  },
  {
    name: 'svd-llm',
    label: 'SVD-LLM',
    description: l10n.t(
      'SVD of W·L with C = LLᵀ the Gram matrix of the inputs: the smallest error of the outputs at a rank.',
    ),
    rank: 'rank',
    options: [],
    needs: ['gram'],
    stores: 'pair',
    source: 'SVD-LLM, arXiv 2403.07378',
  },
  {
    name: 'afm',
    label: l10n.t('Atomic feature mimicking'),
    description: l10n.t('Keeps the principal components of the centred outputs, and the mean of the rest as a bias.'),
    rank: 'rank',
    options: [],
    needs: ['gram', 'mean'],
    stores: 'pair',
    source: 'AFM, arXiv 2301.07389',
  },
  {
    name: 'lost',
    label: l10n.t('Low rank and columns'),
    description: l10n.t(
      'Low rank, and the largest columns of what it leaves over, in turn until the error stops falling.',
    ),
    rank: 'rank',
    options: ['sparse', 'rounds'],
    needs: [],
    stores: 'parts',
    source: 'LOST, arXiv 2508.02668',
  },
  {
    name: 'gear',
    label: l10n.t('Quantised, low rank and outliers'),
    description: l10n.t(
      'Quantises everything, keeps the largest entries exactly, and adds low rank for the error of the rest.',
    ),
    rank: 'rank',
    options: ['quantiser', 'bits', 'block', 'sparse', 'rounds'],
    needs: [],
    stores: 'parts',
    source: 'GEAR, arXiv 2403.05527',
  },
  {
    name: 'lq-lora',
    label: l10n.t('Low rank and quantised'),
    description: l10n.t(
      'Low rank and a quantised rest, in turn until the error stops falling; weighted by Fisher means if given.',
    ),
    rank: 'rank',
    options: ['quantiser', 'bits', 'block', 'rounds'],
    needs: [],
    stores: 'parts',
    source: 'LQ-LoRA, arXiv 2311.12023',
  },
  {
    name: 'eora',
    label: l10n.t('Adapter for a quantised weight'),
    description: l10n.t('Low rank for what a quantised checkpoint lost of the dense one, in the metric of the inputs.'),
    rank: 'rank',
    options: [],
    needs: ['quantised', 'gram|diagonal'],
    stores: 'adapter',
    source: 'EoRA, arXiv 2410.21271',
  },
  {
    name: 'pissa',
    label: 'PiSSA',
    description: l10n.t('An adapter of the leading singular directions, and the base without them.'),
    rank: 'rank',
    options: [],
    needs: [],
    stores: 'adapter',
    source: 'PiSSA, arXiv 2404.02948',
  },
  {
    name: 'olora',
    label: 'OLoRA',
    description: l10n.t('An adapter with orthonormal columns, from a QR decomposition, and the base without it.'),
    rank: 'rank',
    options: [],
    needs: [],
    stores: 'adapter',
    source: 'OLoRA, arXiv 2406.01775',
  },
  {
    name: 'loftq',
    label: 'LoftQ',
    description: l10n.t('A quantised base, and an adapter of the leading directions of what quantising lost.'),
    rank: 'rank',
    options: ['quantiser', 'bits', 'block', 'rounds'],
    needs: [],
    stores: 'adapter',
    source: 'LoftQ, arXiv 2310.08659',
  },
  {
    name: 'dct',
    label: l10n.t('Cosine columns'),
    description: l10n.t('The largest columns of W in the DCT-II basis. No singular vectors are needed.'),
    rank: 'columns',
    options: [],
    needs: [],
    stores: 'parts',
    source: 'Makhoul 1980 (DCT); science.md',
  },
  {
    name: 'tensor-train',
    label: l10n.t('Tensor train'),
    description: l10n.t(
      'The matrix as a chain of small tensors (MPO), cut to a bond dimension. Programs multiply it out: the file gets smaller, and the arithmetic seldom less.',
    ),
    rank: 'bond dimension',
    options: ['cores'],
    needs: [],
    stores: 'parts',
    source: 'Oseledets 2011; CompactifAI, arXiv 2401.14109',
  },
  {
    name: 'quantise',
    label: l10n.t('Quantise only'),
    description: l10n.t('Blocks of few bits, nothing beside them.'),
    options: ['quantiser', 'bits', 'block'],
    needs: [],
    stores: 'parts',
    source: 'QLoRA, arXiv 2305.14314; OCP MX 1.0',
  },
  {
    name: 'cospadi',
    label: l10n.t('Sparse dictionary'),
    description: l10n.t(
      'A dense dictionary and a few of its atoms for each output, in the metric of the Gram matrix if it is known.',
    ),
    rank: 'atoms',
    options: ['nonzeros', 'rounds'],
    needs: [],
    stores: 'parts',
    source: 'CoSpaDi, arXiv 2509.22075',
  },
  {
    name: 'robust',
    label: l10n.t('Low rank and gross outliers'),
    description: l10n.t(
      'Low rank and a sparse rest of large entries; without a rank, principal component pursuit finds both. A pruned weight is fitted where its mask keeps it.',
    ),
    rank: 'rank',
    findsRank: true,
    options: ['sparse', 'rounds'],
    needs: [],
    stores: 'parts',
    source: 'Candès et al. 2011; Netrapalli et al. 2014',
  },
  {
    name: 'cur',
    label: 'CUR',
    description: l10n.t('Columns and rows of the matrix itself, chosen by leverage, and a small matrix between them.'),
    rank: 'rank',
    options: ['scores', 'seed'],
    needs: [],
    stores: 'parts',
    source: 'Mahoney & Drineas 2009; Cohen & Peng 2015',
  },
] as const satisfies readonly Row[];

export type MethodName = (typeof ROWS)[number]['name'];

export interface LayerMethodRow extends Row {
  readonly name: MethodName;
}

export const layerMethods: readonly LayerMethodRow[] = ROWS;

/** Methods of two factors that the spectrum alone tells all about: their previews are instant. */
export const spectrumMethods: readonly LayerMethodRow[] = layerMethods.filter(
  ({ stores, needs }) => stores === 'pair' && needs.length === 0,
);

export function isMethodName(name: string): name is MethodName {
  return ROWS.some((row) => row.name === name);
}

/** @throws RangeError for a name that is none */
export function layerMethod(name: MethodName): LayerMethodRow {
  const row = layerMethods.find((each) => each.name === name);
  if (!row) throw new RangeError(`there is no method ${name}`);
  return row;
}
