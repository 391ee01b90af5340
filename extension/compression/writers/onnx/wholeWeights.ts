/** Which weights of an ONNX model two operators cannot stand in for: a plan leaves them out unless it is asked for them. */
import { FileReader } from '../../../checkpoint/files/fileReader';
import { OnnxPlaces, type WeightPlace } from '../../../checkpoint/onnx/onnxPlaces';
import { CompressionError } from '../../compressionError';
import { factorableWeight, KEEP, NEEDS_WHOLE } from './factorableUses';
import { nameClash, takenNames } from './freeNames';

/**
 * Why each stays dense, by the tensor's name; reads after "it".
 *
 * @throws CheckpointError for a model that cannot be read whole
 */
export async function wholeWeights(file: string, signal?: AbortSignal): Promise<Map<string, string>> {
  const reader = await FileReader.open(file);
  try {
    const places = await OnnxPlaces.read(reader, signal);
    const whole = new Map<string, string>();
    const taken = takenNames(places.tree);
    for (const { name, shape } of places.tensors) {
      if (shape.length < 2) continue;
      const place = places.find(name);
      const reason = place ? reasonFor(places, place, taken) : 'it stands in a function of the model';
      if (reason !== undefined) whole.set(name, `is needed whole in ONNX: ${reason}`);
    }
    return whole;
  } finally {
    await reader.close();
  }
}

function reasonFor(places: OnnxPlaces, place: WeightPlace, taken: ReadonlySet<string>): string | undefined {
  try {
    // Some methods add a bias, which needs one name more.
    return nameClash(factorableWeight(places, place, place.tensor.name), true, taken);
  } catch (error) {
    if (!(error instanceof CompressionError)) throw error;
    // A plan keeps it dense already, and begins with that it is needed whole.
    return without(`; ${KEEP}`, without(`${NEEDS_WHOLE}; ${KEEP}`, error.reason));
  }
}

function without(ending: string, text: string): string {
  return text.endsWith(ending) ? text.slice(0, -ending.length) : text;
}
