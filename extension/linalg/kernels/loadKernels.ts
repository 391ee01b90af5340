/** The compiled kernels of this thread. */
import type { Kernels } from './kernels';
import { createWasmKernels } from './wasmKernels';

let loaded: Kernels | undefined;

/**
 * This thread's WASM kernels, compiled at the first call.
 *
 * @throws WebAssembly.CompileError where the runtime cannot compile them
 */
export function loadKernels(): Kernels {
  return (loaded ??= createWasmKernels());
}
