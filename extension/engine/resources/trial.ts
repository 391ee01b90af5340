/** Entry of the short-lived process that tries one device, named by its argument, and sends a `TrialVerdict`. */
import { tryDevice } from '../../linalg/devices/deviceTrial';
import { openGramDevice } from '../../linalg/devices/gramDevice';
import { loadKernels } from '../../linalg/kernels/kernels';
import { createMatrixProducts } from '../../linalg/products/matrixProducts';
import type { Accelerator } from '../../linalg/devices/providers';
import type { TrialVerdict } from './trialProcess';

async function verdict(): Promise<TrialVerdict> {
  try {
    const products = await createMatrixProducts();
    const tools = { open: openGramDevice, products, kernels: loadKernels() };
    return { trial: await tryDevice(process.argv[2] as Accelerator, tools) };
  } catch (error) {
    return { refused: error instanceof Error ? error.message : String(error) };
  }
}

process.on('disconnect', () => process.exit(0));

void verdict().then((message) => {
  // A driver may hang in its own clean-up: what had to be said is said.
  process.send?.(message, () => process.exit(0));
});
