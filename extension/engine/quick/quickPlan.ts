/** Which layers are worth a quick look, what it takes of them, and what their spectra cost. */
import type { TensorInfo } from '../../checkpoint/checkpoint';
import type { FitRule, InspectSettings } from '../../shared/layers';
import { DEFAULT_SHUFFLES } from '../../spectral/bulk/randomisation';
import { farmsWindows } from '../../spectral/farms/farms';
import type { LayerGeometry } from '../../spectral/matrices';
import { planFarms, type WindowsPlan } from '../layer/farmsPlan';
import { eigenvalueCost, gramCost, productCost, WORKER_SIDE } from '../layer/layerProgress';

/** Random vectors, and how often the matrix is applied to them: on real layers the intervals are mostly within 2 %. */
export const QUICK_LIMITS = { block: 8, steps: 12 } as const;

/** Seed of the random vectors; shown with the estimates. */
export const QUICK_SEED = 20170401;

/** Rows of a window: its spectrum takes a fiftieth of that of a window of 2000. */
const QUICK_ROWS = 512;

/**
 * Windows of a quick look: as many as an adaptive run takes before it looks at their spread, which takes as long as they do.
 * Under KS, where two tails may fit about equally well, so few are too sure of themselves: a test counts.
 */
export function quickWindowCount(rule: FitRule): number {
  return rule === 'KS' ? 16 : 6;
}

/** A spectrum that takes longer than this, by `exactCost`, is worth a look before. */
const WORTH_SECONDS = 1;

/** Memory that shared sums of FARMS are expected to have; it changes what they cost little. */
const USUAL_MEMORY = 2 ** 28;

/** True for a matrix whose spectrum takes long. Kernels and products of factors are computed soon enough. */
export function isWorthALook(tensor: TensorInfo, layer: LayerGeometry | undefined, settings: InspectSettings): boolean {
  if (!layer || layer.kind === 'conv' || tensor.product || tensor.unreadable !== undefined) return false;
  return exactCost(layer, settings) >= WORTH_SECONDS;
}

/** Seconds, roughly, of the spectrum with FARMS and shuffles; right in relation to each other. */
export function exactCost(layer: LayerGeometry, settings: InspectSettings): number {
  const { rows, cols, count } = layer;
  const spectra = 1 + (settings.randomise ? (settings.shuffles ?? DEFAULT_SHUFFLES) : 0);
  const own = count * spectra * (gramCost(layer) + eigenvalueCost(Math.min(rows, cols)));
  const { farms } = settings;
  // Of 100 000 small layers nobody wants to know each window.
  if (Math.min(rows, cols) <= WORKER_SIDE) return own * (farms.enabled ? SMALL_FARMS : 1);
  return own + (farms.enabled ? planFarms(layer, farms, { held: true, memory: USUAL_MEMORY }).cost : 0);
}

/** A small layer takes about so many times as long with FARMS. */
const SMALL_FARMS = 4;

/** Seconds, roughly, of a quick look. */
export function quickCost({ rows, cols }: LayerGeometry, { farms }: InspectSettings): number {
  const { block, steps } = QUICK_LIMITS;
  const products = productCost(2 * rows * cols * block * steps * THIN_PRODUCTS);
  const side = Math.min(QUICK_ROWS, rows, cols);
  const windows = farms.enabled
    ? quickWindowCount(farms.fit) * SMALL_WINDOWS * (productCost(side ** 3) + eigenvalueCost(side))
    : 0;
  return products + windows + rows * cols * READING;
}

/** Measured beside spectra: products with few vectors, and small windows, take so many times what large ones would. */
const THIN_PRODUCTS = 2.2;
const SMALL_WINDOWS = 2;

/** Seconds to read, count and narrow an element. */
const READING = 2e-9;

/** Some windows of at most 512 rows, by the layer's own rules otherwise. */
export function quickFarms(layer: LayerGeometry, settings: InspectSettings['farms']): WindowsPlan {
  const { rows, cols } = layer;
  const { windows, window } = farmsWindows(rows, cols, quickWindows(settings));
  const limit = Math.min(quickWindowCount(settings.fit), windows.length);
  const [height, width] = window;
  const perWindow = productCost(height * width * Math.min(height, width)) + eigenvalueCost(Math.min(height, width));
  return {
    ...{ kind: 'windows', windows, window, full: limit === windows.length, limit },
    ...{ inWorker: true, shared: undefined, perWindow, cost: limit * perWindow },
  };
}

/** The settings of FARMS with smaller windows. */
export function quickWindows(settings: InspectSettings['farms']): InspectSettings['farms'] {
  return { ...settings, rows: Math.min(QUICK_ROWS, settings.rows) };
}
