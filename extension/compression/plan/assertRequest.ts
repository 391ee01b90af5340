/** What cannot be asked of a planner, in words for people. */
import { layerMethod, type MethodName } from '../../shared/compression/methodTable';
import type { LayerChoice, PlanTarget } from '../../shared/compression/plans';
import { l10n } from '../../shared/language/l10n';
import type { PlanRequest } from './planRequest';

/** @throws RangeError */
export function assertTarget({ value }: PlanTarget): void {
  if (!(value >= 0 && value <= 1)) throw new RangeError(`a target of ${value} is not within 0 and 1`);
}

/** Ratios of ranks. */
const SHARES_RANKS: ReadonlySet<PlanRequest['allocation']> = new Set([
  ...(['welore', 'farms-alpha', 'alphapruning', 'block-influence'] as const),
]);

/** @throws RangeError */
export function assertRequest({ target, method, allocation, epsilon, blockInfluence = {} }: PlanRequest): void {
  assertTarget(target);
  const { kind } = target;
  const { stores, rank } = layerMethod(method.method);
  if (stores === 'adapter') {
    if (method.rank === undefined) {
      throw new RangeError(`${method.method} makes an adapter, whose rank no target decides: give it a rank`);
    }
    return;
  }
  if (method.method === 'tensor-train' && (kind === 'error' || allocation === 'optimal' || allocation === 'welore')) {
    throw new RangeError(
      'the error of tensor-train is not known before it is run: choose a size or parameters, and uniform or an alpha',
    );
  }
  if (allocation === 'optimal-gram' && stores !== 'pair') {
    throw new RangeError(
      l10n.english(
        'optimal-gram shares out ranks of two factors, which {0} does not have: choose svd-llm, or optimal',
        method.method,
      ),
    );
  }
  if (allocation === 'optimal-gram' && kind === 'error') {
    throw new RangeError(
      l10n.english('optimal-gram goes by the outputs, and an error is of the weights: choose a size or parameters'),
    );
  }
  if (allocation === 'block-influence' && Object.keys(blockInfluence).length === 0) {
    throw new RangeError(
      l10n.english('block-influence needs statistics with <block>.block_influence, as a calibration writes them'),
    );
  }
  if (allocation === 'block-influence' && epsilon === 0) {
    throw new RangeError(l10n.english('a temperature of 0 takes all from one block: choose an ε above 0'));
  }
  if (rank === undefined && SHARES_RANKS.has(allocation)) {
    throw new RangeError(`${method.method} has no rank that ${allocation} could share out: choose optimal or uniform`);
  }
}

/** Why integer programming cannot choose a method, in words that follow its name; undefined if it can. */
export function whyNotAssigned(method: MethodName): string | undefined {
  if (layerMethod(method).stores === 'adapter') {
    return 'makes an adapter, which makes no layer smaller: choose another allocation, or other methods';
  }
  return method === 'tensor-train'
    ? 'has an error that is not known before it is run: choose uniform or an alpha'
    : undefined;
}

/** @throws RangeError if integer programming cannot choose among these */
export function assertAssignable(choices: readonly Pick<LayerChoice, 'method'>[]): void {
  for (const { method } of choices) {
    const why = whyNotAssigned(method);
    if (why !== undefined) throw new RangeError(`${method} ${why}`);
  }
}
