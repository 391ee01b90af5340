/**
 * Matrix products by onnxruntime-node. The only place that loads it: a session's run blocks its thread, and only one
 * thread of a process may load the library.
 */
import { availableParallelism } from 'node:os';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Accumulate, Multiply, OpenedProducts } from './matrixProducts';
import { productModel } from './onnxGraph';

type Onnxruntime = typeof import('onnxruntime-node');

const SESSION_OPTIONS = {
  executionProviders: ['cpu'],
  logSeverityLevel: 3,
  // Idle threads must not spin: the worker threads want the cores.
  extra: { session: { intra_op: { allow_spinning: '0' } } },
} satisfies InferenceSession.SessionOptions;

/**
 * @throws Error where onnxruntime cannot be loaded; the products reject where it refuses the graph
 */
export async function openOnnxProducts(): Promise<OpenedProducts> {
  const onnxruntime: Onnxruntime = await import('onnxruntime-node');
  const sessions = new Map<string, Promise<InferenceSession>>();

  const session = (transA: boolean, transB: boolean, accumulate: boolean): Promise<InferenceSession> => {
    const key = `${transA} ${transB} ${accumulate}`;
    let opening = sessions.get(key);
    if (!opening) {
      const model = productModel({ precision: 'float64', transA, transB, accumulate });
      opening = onnxruntime.InferenceSession.create(model, SESSION_OPTIONS);
      sessions.set(key, opening);
    }
    return opening;
  };

  const operands = (...[a, b, m, n, k, transA, transB]: Parameters<Multiply>): Record<'A' | 'B', Tensor> => ({
    A: new onnxruntime.Tensor('float64', a, transA ? [k, m] : [m, k]),
    B: new onnxruntime.Tensor('float64', b, transB ? [n, k] : [k, n]),
  });

  const multiply: Multiply = async (a, b, m, n, k, transA, transB) => {
    const opened = await session(transA, transB, false);
    const result = await opened.run(operands(a, b, m, n, k, transA, transB));
    return float64Output(result['Y']);
  };

  const accumulate: Accumulate = async (c, a, b, m, n, k, transA, transB) => {
    const opened = await session(transA, transB, true);
    // Fed as input and named as output: the sum is made in place, and nothing is allocated.
    const C = new onnxruntime.Tensor('float64', c, [m, n]);
    await opened.run({ ...operands(a, b, m, n, k, transA, transB), C }, { Y: C });
  };

  const release = async (): Promise<void> => {
    const opened = await Promise.allSettled(sessions.values());
    sessions.clear();
    for (const each of opened) if (each.status === 'fulfilled') await each.value.release();
  };

  return { multiply, accumulate, release, threads: availableParallelism() };
}

function float64Output(tensor: Tensor | undefined): Float64Array {
  if (!(tensor?.data instanceof Float64Array)) throw new Error('onnxruntime returned no float64 product');
  return tensor.data;
}
