/** Float64 matrix products by onnxruntime: a session for each orientation, opened when it is first asked for. */
import { availableParallelism } from 'node:os';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { DeviceName } from '../../shared/devices';
import { productModel } from './onnxGraph';
import { loadOnnxruntime, openSession } from './onnxSession';
import type { Accumulate, Multiply, OpenedProducts } from './productTypes';

/**
 * @throws Error where onnxruntime cannot be loaded; the products reject where it cannot open the device or refuses the graph
 */
export async function openOnnxProducts(device: DeviceName = 'cpu'): Promise<OpenedProducts> {
  const onnxruntime = await loadOnnxruntime();
  const sessions = new Map<string, Promise<InferenceSession>>();

  const session = (transA: boolean, transB: boolean, accumulate: boolean): Promise<InferenceSession> => {
    const key = `${transA} ${transB} ${accumulate}`;
    let opening = sessions.get(key);
    if (!opening) {
      opening = openSession(productModel({ precision: 'float64', transA, transB, accumulate }), device);
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
