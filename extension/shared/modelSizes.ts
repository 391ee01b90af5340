/** Sizes of a model that decide which rows of its tensors belong together. Absent where they are not known. */
export interface ModelSizes {
  /** `model_type`, or llama.cpp's architecture. */
  readonly type?: string;
  readonly hidden?: number;
  /** Attention heads of q. */
  readonly heads?: number;
  /** Attention heads of k and v. */
  readonly keyValueHeads?: number;
  /** Rows of a head of q and k. */
  readonly headSize?: number;
  /** Rows of a head of v. */
  readonly valueHeadSize?: number;
  /** Experts of a layer. */
  readonly experts?: number;
  readonly multiQuery?: boolean;
  readonly newDecoderArchitecture?: boolean;
}

/** Why there are no heads, in words. */
export const HEADS_UNKNOWN = 'the numbers of heads are not known: no config.json beside it tells them';
