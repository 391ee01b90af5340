/** The method of `eigenscope compress --layer`: one whose result is two factors. */
import { layerMethods, type MethodName } from '../../shared/compression/methodTable';
import { UsageError } from './usageError';

/** Those that add nothing to the layer's bias. */
const PAIR_METHODS = layerMethods.filter(({ stores, needs }) => stores === 'pair' && !needs.includes('mean'));

/** @throws UsageError */
export function pairMethod({ method: name = 'svd', stats }: { method?: string; stats?: string }): {
  method: MethodName;
  stats: string | undefined;
} {
  const row = PAIR_METHODS.find((each) => each.name === name);
  if (!row) {
    const known = PAIR_METHODS.map((each) => each.name).join(', ');
    throw new UsageError(`--method ${name} is none that a layer is saved by; choose one of: ${known}`);
  }
  if (row.needs.length > 0 && stats === undefined) {
    throw new UsageError(`--method ${name} needs statistics of the layer's inputs; name their file with --stats`);
  }
  if (row.needs.length === 0 && stats !== undefined) {
    throw new UsageError(`--method ${name} uses no statistics; leave --stats out, or choose another method`);
  }
  return { method: row.name, stats };
}
