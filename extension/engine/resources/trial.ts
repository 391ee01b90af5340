/**
 * Entry of the short-lived process that tries onnxruntime or one device, named by its argument, and sends an
 * `OnnxruntimeVerdict` or a `TrialVerdict`.
 */
import { loadKernels } from '../../linalg/kernels/loadKernels';
import { tryDevice } from '../../linalg/devices/deviceTrial';
import { openGramDevice } from '../../linalg/devices/gramDevice';
import { checked, createMatrixProducts } from '../../linalg/products/matrixProducts';
import { openOnnxProducts } from '../../linalg/products/onnxProducts';
import type { Accelerator } from '../../linalg/devices/providers';
import { ONNXRUNTIME, type OnnxruntimeVerdict, type TrialVerdict } from './trialProcess';

async function verdict(subject: string): Promise<OnnxruntimeVerdict | TrialVerdict> {
  try {
    if (subject === ONNXRUNTIME) {
      await checked(openOnnxProducts);
      return { loads: true };
    }
    const products = await createMatrixProducts();
    const tools = { open: openGramDevice, products, kernels: loadKernels() };
    return { trial: await tryDevice(subject as Accelerator, tools) };
  } catch (error) {
    return { refused: error instanceof Error ? error.message : String(error) };
  }
}

process.on('disconnect', () => process.exit(0));

void verdict(process.argv[2] ?? '').then((message) => {
  // A driver may hang in its own clean-up: what had to be said is said.
  process.send?.(message, () => process.exit(0));
});
