/** Tries the statistics of one layer as a method will use them. */
import { CompressionError } from '../../compression/compressionError';
import { assertUsable } from '../../compression/decomposition/layerMetrics';
import type { MethodTools } from '../../compression/methods/method';
import type { GramUse } from '../../shared/compression/methodNeeds';
import type { LayerStatistics } from '../../shared/compression/statistics';

export interface StatisticsTrial {
  layer: string;
  statistics: LayerStatistics;
  use: GramUse;
}

/** @returns why they cannot be used, in words that name the array; null if they can */
export function tryStatistics({ layer, statistics, use }: StatisticsTrial, tools: MethodTools): string | null {
  try {
    assertUsable(statistics, layer, use, tools);
    return null;
  } catch (error) {
    if (!(error instanceof CompressionError)) throw error;
    return error.reason;
  }
}
