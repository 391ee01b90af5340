/** What cannot be asked of a planner, in words for people. */
import { layerMethod } from '../../shared/compression/methodTable';
import type { PlanTarget } from '../../shared/compression/plans';
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
