/** A model in onnxruntime, in the process that runs models. */
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { loadOnnxruntime, openModelSession } from '../../linalg/products/onnxSession';
import { ModelRunError } from './modelRunError';
import type { TimedRun } from './modelCalls';
import type { Feed, Feeds, ModelValue } from './modelValues';

type Elements = Exclude<Tensor['data'], string[]> & ArrayBufferView;

/** How the bytes of each type are handed to onnxruntime. */
const ARRAYS: Readonly<Record<string, new (buffer: ArrayBuffer) => Elements>> = {
  ...{ float32: Float32Array, float64: Float64Array, float16: Uint16Array },
  ...{ int64: BigInt64Array, int32: Int32Array, int16: Int16Array, int8: Int8Array },
  ...{ uint64: BigUint64Array, uint32: Uint32Array, uint16: Uint16Array, uint8: Uint8Array, bool: Uint8Array },
};

export class LoadedModel {
  private constructor(
    private readonly session: InferenceSession,
    private readonly onnxruntime: Awaited<ReturnType<typeof loadOnnxruntime>>,
  ) {}

  /**
   * @param model a file, or the bytes of one whose data files lie in `folder`
   * @throws ModelRunError `onnxruntime`
   */
  static async open(model: string | Uint8Array, folder?: string): Promise<LoadedModel> {
    try {
      const onnxruntime = await loadOnnxruntime();
      return new LoadedModel(await openModelSession(model, folder), onnxruntime);
    } catch (error) {
      const file = typeof model === 'string' ? model : 'the model';
      throw new ModelRunError('onnxruntime', `${file}: onnxruntime cannot load it (${reasonOf(error)})`);
    }
  }

  get inputs(): ModelValue[] {
    return this.session.inputMetadata.map((input) => {
      if (!input.isTensor)
        throw new ModelRunError('onnxruntime', `its input "${input.name}" is no tensor; such models are not run`);
      return { name: input.name, type: input.type, shape: input.shape };
    });
  }

  get outputs(): readonly string[] {
    return this.session.outputNames;
  }

  /** @throws ModelRunError `onnxruntime` */
  async run(feeds: Feeds, fetches: readonly string[]): Promise<Readonly<Record<string, Tensor>>> {
    const tensors = Object.entries(feeds).map(([name, feed]) => [name, this.tensorOf(feed)] as const);
    return this.attempt(() => this.session.run(Object.fromEntries(tensors), [...fetches]));
  }

  async timed(feeds: Feeds): Promise<TimedRun> {
    const tensors = Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, this.tensorOf(feed)]));
    const start = performance.now();
    const outputs = await this.attempt(() => this.session.run(tensors));
    const milliseconds = performance.now() - start;
    const sent = Object.entries(outputs).map(([name, tensor]) => [name, feedOf(name, tensor)] as const);
    return { outputs: Object.fromEntries(sent), milliseconds };
  }

  private tensorOf({ type, shape, bytes }: Feed): Tensor {
    const kind = ARRAYS[type];
    if (!kind) throw new ModelRunError('invalid-inputs', `inputs of the type ${type} are not fed`);
    // A copy of its own, so that it begins where any element may.
    const data = new kind(new Uint8Array(bytes).buffer);
    return new this.onnxruntime.Tensor(type as 'float32', data as Float32Array, shape);
  }

  private async attempt<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw new ModelRunError('onnxruntime', `onnxruntime could not run the model (${reasonOf(error)})`);
    }
  }
}

/** @throws ModelRunError for texts, which have no numbers to compare */
function feedOf(name: string, { type, dims, data }: Tensor): Feed {
  if (Array.isArray(data))
    throw new ModelRunError('onnxruntime', `its output "${name}" is text; such outputs are not compared`);
  const { buffer, byteOffset, byteLength } = data;
  return { type, shape: dims, bytes: new Uint8Array(buffer, byteOffset, byteLength) };
}

/** The first line of onnxruntime's message: those behind it are a stack of its own sources. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0]!.slice(0, 500);
}
