/**
 * Entry of the process in which models run: onnxruntime blocks its thread, and a model, or a driver, may end its process.
 * It answers calls one after another (`modelCalls.ts`).
 */
import { problemOf } from '../../shared/rpc';
import { calibrateDecoderFile } from '../decoders/calibrateDecoderFile';
import { estimateDecoderFiles } from '../decoders/estimateDecoderFiles';
import { evaluateDecoderFiles } from '../decoders/evaluateDecoderFiles';
import { sensitivityOf } from '../sensitivity/sensitivityPass';
import { calibrateModel } from './calibrate';
import type { ModelCalls, CallMessage, CallName } from './modelCalls';
import { LoadedModel } from './loadedModel';

let loaded: LoadedModel | undefined;

type Handlers = { [K in CallName]: (params: ModelCalls[K]['params']) => Promise<ModelCalls[K]['result']> };

const handlers: Handlers = {
  async load({ path }) {
    const baseline = peakBytes();
    loaded = await LoadedModel.open(path);
    return { inputs: loaded.inputs, outputs: loaded.outputs, baseline };
  },
  run: ({ feeds }) => loaded!.timed(feeds),
  memory: () => Promise.resolve({ peak: peakBytes() }),
  calibrate: ({ model, request }) => calibrateModel(model, request, tellProgress),
  estimateDecoders: (request) => estimateDecoderFiles(request),
  sensitivity: (request) => sensitivityOf(request, tellProgress),
  calibrateDecoder: (request) => calibrateDecoderFile(request, tellProgress),
  evaluateDecoders: (request) => evaluateDecoderFiles(request, tellProgress),
};

function tellProgress(fraction: number, message: string): void {
  process.send?.({ progress: { fraction, message } });
}

function peakBytes(): number {
  // Kilobytes on every system (libuv).
  return process.resourceUsage().maxRSS * 1024;
}

async function answer<K extends CallName>({ id, call, params }: CallMessage<K>): Promise<void> {
  try {
    process.send?.({ id, result: await handlers[call](params) });
  } catch (error) {
    process.send?.({ id, problem: problemOf(error) });
  }
}

process.on('message', (message: CallMessage<CallName>) => void answer(message));
process.on('disconnect', () => process.exit(0));
