/** What goes into a model and comes out of it, as it crosses to the process that runs it. */

/** An input or an output as onnxruntime tells of it. */
export interface ModelValue {
  readonly name: string;
  /** onnxruntime's word: `float32`. */
  readonly type: string;
  /** A text where the size is not fixed. */
  readonly shape: readonly (number | string)[];
}

/** One tensor, as it crosses to the process that runs the model. */
export interface Feed {
  readonly type: string;
  readonly shape: readonly number[];
  /** Little-endian. */
  readonly bytes: Uint8Array;
}

export type Feeds = Readonly<Record<string, Feed>>;

/** Inputs of each run, made when they are asked for. */
export interface Samples {
  readonly count: number;
  readonly notes: readonly string[];
  feeds(index: number, signal: AbortSignal): Promise<Feeds>;
}

export function valueText({ name, type, shape }: ModelValue): string {
  return `${name}: ${type} [${shape.map((size) => (typeof size === 'number' && size >= 0 ? size : size || '?')).join(', ')}]`;
}
