/** An operator's use of integer codes for weights, and the functions that look for one. */
import type { TensorInfo } from '../checkpoint';
import type { QuantisedWeight } from '../quantised/quantisedWeight';
import type { Operators, ScopedCall } from './onnxOperators';

/** Codes, and the weight that an operator takes them for. */
export interface CodesUse {
  readonly codes: TensorInfo;
  /** @throws CheckpointError `malformed` where parts are missing or contradict one another */
  weight(): Omit<QuantisedWeight, 'name'>;
}

/** The codes that a call uses; undefined where they are computed. */
export type FindCodes = (call: ScopedCall, operators: Operators<TensorInfo>) => CodesUse | undefined;
