/** The numbers of a layer that the terminal's table and Markdown show, as text in the C locale. */
import type { ReportedLayer } from '../inspectReport';
import type { LayerResult } from '../layers';

export interface NumberColumn {
  readonly title: string;
  readonly cell: (layer: ReportedLayer) => string;
}

/** The name comes behind them, as in `ls -l`: names of any length then leave the numbers aligned. */
const NUMBERS: readonly NumberColumn[] = [
  { title: 'alpha', cell: ({ metrics }) => fixed(metrics.alpha, 2) },
  { title: 'D', cell: ({ metrics }) => fixed(metrics.D, 3) },
  { title: 'FARMS', cell: farmsCell },
  { title: 'stable', cell: ({ metrics }) => fixed(metrics.stable_rank, 1) },
  { title: 'effective', cell: ({ metrics }) => fixed(metrics.effective_rank, 1) },
  { title: 'entropy', cell: ({ metrics }) => fixed(metrics.entropy, 3) },
  { title: 'σ₁²', cell: ({ metrics }) => significant(metrics.spectral_norm) },
  { title: '95 %', cell: ({ ranks }) => (ranks['energy_0.95'] ? `${ranks['energy_0.95'].rank}` : '–') },
  { title: 'shape', cell: ({ shape }) => shape.join('×') },
  { title: 'dtype', cell: ({ dtype, encoding }) => encoding ?? dtype },
];

/** ‖ΔW‖/‖W‖ of a LoRA pair's product, if the base model lies beside the adapter. */
const RELATIVE_NORM: NumberColumn = {
  title: '‖ΔW‖/‖W‖',
  cell: ({ factored }) => significant(factored?.base?.relative_norm),
};

/** @param layers those of the table */
export function numberColumns(layers: readonly ReportedLayer[]): readonly NumberColumn[] {
  const own = [...new Set(layers.flatMap((layer) => Object.keys(layer.own ?? {})))];
  return [
    ...own.map((name): NumberColumn => ({ title: name, cell: (layer) => significant(layer.own?.[name]) })),
    ...(layers.some(({ factored }) => factored?.base) ? [RELATIVE_NORM] : []),
    ...NUMBERS,
  ];
}

/** True for a layer that has a row: one with a spectrum, or one whose analysis failed. */
export function hasRow({ matrices, problems }: LayerResult): boolean {
  return matrices > 0 || problems.length > 0;
}

function farmsCell({ farms }: LayerResult): string {
  if (!farms || farms.alpha === null) return '–';
  const interval = farms.interval && ` (${farms.interval.map((end) => end.toFixed(2)).join('–')})`;
  return farms.alpha.toFixed(2) + (interval ?? '');
}

function fixed(value: number | null | undefined, digits: number): string {
  return value === null || value === undefined ? '–' : value.toFixed(digits);
}

function significant(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : value.toPrecision(4);
}
