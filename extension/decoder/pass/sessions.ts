/** Sessions of onnxruntime by what their graphs depend on: one serves all blocks of a kind, since weights are inputs. */
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { loadOnnxruntime, openSession } from '../../linalg/products/onnxSession';
import type { DeviceName } from '../../shared/devices';

/** A row-major array of float32. */
export interface Values {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

export type NamedValues = Readonly<Record<string, Values>>;

export class Sessions {
  private readonly opened = new Map<string, Promise<InferenceSession>>();

  private constructor(
    private readonly makeTensor: (values: Values) => Tensor,
    private readonly device: DeviceName,
  ) {}

  /** @throws Error that says why onnxruntime cannot be loaded */
  static async open(device: DeviceName = 'cpu'): Promise<Sessions> {
    const { Tensor: Made } = await loadOnnxruntime();
    return new Sessions(({ data, dims }) => new Made('float32', data, dims), device);
  }

  /**
   * Runs the graph of that key, which is made at its first run.
   *
   * @param fetches outputs that are wanted
   * @throws Error of onnxruntime
   */
  async run<K extends string>(
    key: string,
    model: () => Uint8Array,
    feeds: NamedValues,
    fetches: readonly K[],
  ): Promise<Record<K, Values>> {
    let opening = this.opened.get(key);
    if (!opening) this.opened.set(key, (opening = openSession(model(), this.device)));
    const session = await opening;
    const tensors = Object.fromEntries(Object.entries(feeds).map(([name, values]) => [name, this.makeTensor(values)]));
    const results = await session.run(tensors, [...fetches]);
    const values = fetches.map((name): [K, Values] => {
      const result = results[name];
      if (!(result?.data instanceof Float32Array)) throw new Error(`onnxruntime gave no float32 ${name}`);
      return [name, { data: result.data, dims: result.dims }];
    });
    return Object.fromEntries(values) as Record<K, Values>;
  }

  async release(): Promise<void> {
    const opened = await Promise.allSettled(this.opened.values());
    this.opened.clear();
    for (const each of opened) if (each.status === 'fulfilled') await each.value.release();
  }
}
