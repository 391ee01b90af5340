/** What cannot be asked of a planner, in words for people. */
import { layerMethod, type MethodName } from '../../shared/compression/methodTable';
import type { LayerChoice, PlanTarget } from '../../shared/compression/plans';
import type { PlanRequest } from './planRequest';

/** @throws RangeError */
export function assertTarget({ value }: PlanTarget): void {
  if (!(value >= 0 && value <= 1)) throw new RangeError(`a target of ${value} is not within 0 and 1`);
}

/** @throws RangeError */
export function assertRequest({ target, method, allocation }: PlanRequest): void {
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
  if (
    rank === undefined &&
    (allocation === 'welore' || allocation === 'farms-alpha' || allocation === 'alphapruning')
  ) {
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
