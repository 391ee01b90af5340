/**
 * Sessions of onnxruntime-node. The only place that loads it: a session's run blocks its thread, and only one thread
 * of a process may load the library.
 */
import type { InferenceSession } from 'onnxruntime-node';
import type { DeviceName } from '../../shared/devices';

type Onnxruntime = typeof import('onnxruntime-node');

const ERRORS_ONLY = 3;

/** @throws Error that says why onnxruntime cannot be loaded: it is not there, the system refuses it */
export async function loadOnnxruntime(): Promise<Onnxruntime> {
  try {
    return await import('onnxruntime-node');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_MODULE_NOT_FOUND') throw new Error('not installed here', { cause: error });
    if (code !== 'MODULE_NOT_FOUND' || !message.includes('onnxruntime_binding')) throw error;
    throw new Error(`there is none for ${process.platform}-${process.arch}`, { cause: error });
  }
}

/** Idle threads must not spin: the worker threads want the cores. */
const PATIENT = { intra_op: { allow_spinning: '0' } };

/** @throws Error where onnxruntime cannot be loaded, the device cannot be opened or refuses a part of the graph */
export async function openSession(model: Uint8Array, device: DeviceName): Promise<InferenceSession> {
  const onnxruntime = await loadOnnxruntime();
  return onnxruntime.InferenceSession.create(model, {
    executionProviders: [device],
    logSeverityLevel: ERRORS_ONLY,
    extra: {
      session: {
        ...PATIENT,
        // What a device cannot do would silently run on the CPU otherwise.
        ...(device !== 'cpu' && { disable_cpu_ep_fallback: '1' }),
      },
    },
  });
}

/**
 * A session of a person's model on the CPU: in a process of its own, which such a model may end.
 *
 * @param model a file, or the bytes of one whose data files lie in `folder`
 * @throws Error where onnxruntime cannot be loaded or refuses the model
 */
export async function openModelSession(model: string | Uint8Array, folder?: string): Promise<InferenceSession> {
  const onnxruntime = await loadOnnxruntime();
  const options: InferenceSession.SessionOptions = {
    executionProviders: ['cpu'],
    logSeverityLevel: ERRORS_ONLY,
    extra: {
      session: { ...PATIENT, ...(folder !== undefined && { model_external_initializers_file_folder_path: folder }) },
    },
  };
  return typeof model === 'string'
    ? onnxruntime.InferenceSession.create(model, options)
    : onnxruntime.InferenceSession.create(model, options);
}
