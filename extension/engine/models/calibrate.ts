/**
 * Statistics of the inputs of an ONNX model's weights: the model runs with what its operators multiply led out as outputs,
 * sums are taken in float64, and written as the safetensors file of science.md §9 under the weights' names.
 */
import path from 'node:path';
import { FileReader } from '../../checkpoint/files/fileReader';
import { dataFiles } from '../../compression/writers/onnx/externalLayout';
import { OnnxPlaces } from '../../checkpoint/onnx/onnxPlaces';
import { writeAtomically } from '../../compression/atomicFile';
import { layOut } from '../../compression/safetensorsLayout';
import { InputSums } from '../../compression/statistics/inputSums';
import { appendElements, statisticsEntries } from '../../compression/statistics/statisticsEntries';
import { SYNTHETIC_KEY, SYNTHETIC_VALUE } from '../../compression/statistics/statisticsFile';
import { NOTE_KEY } from '../../shared/compression/savedNote';
import { bytesOf, rewritten } from '../../compression/writers/onnx/protobufRewrite';
import { widen } from '../../checkpoint/elements/dtype';
import { createMatrixProducts } from '../../linalg/products/matrixProducts';
import type { Accumulate } from '../../linalg/products/productTypes';
import type { CalibrationReport, CalibrationRequest } from '../../shared/modelRuns';
import { tokenRows, type Floats } from './inputRows';
import { listed } from './listedLayers';
import { LoadedModel } from './loadedModel';
import { openSamples } from './modelInputs';
import { ModelRunError } from './modelRunError';
import { findTaps, type Tap, type TappedLayer, type Taps } from './taps';
import { usableMegabytes } from '../resources/megabytes';

type Progress = (fraction: number, message: string) => void;

/** Layers whose operators take the very same values: one sum for all. */
interface Group {
  readonly layers: string[];
  readonly taps: readonly Tap[];
  readonly sums: InputSums;
  /** Why it cannot be measured after all. */
  failed?: string;
}

const { signal } = new AbortController(); // the process ends when it is cancelled

/** @throws ModelRunError, CheckpointError, CompressionError; nothing is written then */
export async function calibrateModel(
  model: string,
  request: CalibrationRequest,
  progress: Progress,
): Promise<CalibrationReport> {
  const reader = await FileReader.open(model);
  let taps: Taps;
  let bytes: Uint8Array;
  let protect: string[];
  try {
    const places = await OnnxPlaces.read(reader);
    const data = await dataFiles(model, places.tensors);
    protect = [model, ...data.map(({ file }) => file)];
    taps = findTaps(places);
    bytes = await bytesOf(rewritten(reader.size, taps.changes), reader);
  } finally {
    await reader.close();
  }
  if (taps.layers.length === 0) {
    throw new ModelRunError(
      'invalid-inputs',
      `${model}: has no MatMul, Gemm or convolution whose inputs could be measured`,
    );
  }
  progress(0, 'loading the model');
  const loaded = await LoadedModel.open(bytes, path.dirname(model));
  const samples = await openSamples(request.inputs, loaded.inputs, signal);
  const groups = grouped(taps.layers, request.gramBytes);
  const products = await createMatrixProducts();
  const inputNames = new Set(loaded.inputs.map(({ name }) => name));
  const fetches = [...new Set(groups.flatMap((group) => group.taps.map(({ value }) => value)))].filter(
    (value) => !inputNames.has(value),
  );
  for (let index = 0; index < samples.count; index++) {
    progress(index / samples.count, `run ${index + 1} of ${samples.count}`);
    const feeds = await samples.feeds(index, signal);
    const values = fetches.length > 0 ? await loaded.run(feeds, fetches) : {};
    for (const group of groups) {
      for (const tap of group.taps) {
        const feed = feeds[tap.value];
        const value = values[tap.value] ?? (feed && { type: feed.type, dims: feed.shape, data: feed.bytes });
        if (!value) throw new Error(`there is no value ${tap.value}`);
        await add(group, tap, value, products.accumulate);
      }
    }
  }
  await products.dispose();
  progress(1, 'writing');
  return written(groups, taps, samples, request, protect);
}

function grouped(layers: readonly TappedLayer[], gramBytes: number): Group[] {
  const byTaps = new Map<string, TappedLayer[]>();
  for (const layer of layers) {
    const key = JSON.stringify([layer.inputs, layer.taps]);
    const known = byTaps.get(key);
    if (known) known.push(layer);
    else byTaps.set(key, [layer]);
  }
  // The small ones first: more layers get a Gram matrix.
  const all = [...byTaps.values()];
  const withGram = new Set<TappedLayer[]>();
  let left = gramBytes;
  for (const same of all.toSorted(([a], [b]) => a!.inputs - b!.inputs)) {
    left -= 8 * same[0]!.inputs ** 2;
    if (left >= 0) withGram.add(same);
  }
  return all.map((same) => {
    const { inputs, taps } = same[0]!;
    return { layers: same.map(({ layer }) => layer), taps, sums: new InputSums(inputs, withGram.has(same)) };
  });
}

interface Value {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

async function add(group: Group, tap: Tap, value: Value, accumulate: Accumulate): Promise<void> {
  if (group.failed !== undefined || value.dims.includes(0)) return; // of a branch that was not taken
  const floats = floatsOf(value);
  if (!floats) {
    group.failed = `its inputs are ${value.type}, and only floating-point numbers are measured`;
    return;
  }
  await group.sums.add(tokenRows(floats, value.dims, tap.form, group.sums.inputs), accumulate);
}

function floatsOf({ type, data }: Value): Floats | undefined {
  if (data instanceof Float32Array || data instanceof Float64Array) return data;
  if (!ArrayBuffer.isView(data)) return undefined;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (type === 'float32') return widen(bytes, 'F32');
  if (type === 'float64') return widen(bytes, 'F64');
  return type === 'float16' ? widen(bytes, 'F16') : undefined;
}

async function written(
  groups: readonly Group[],
  taps: Taps,
  samples: { readonly count: number; readonly notes: readonly string[] },
  { target, overwrite, inputs, gramBytes }: CalibrationRequest,
  protect: readonly string[],
): Promise<CalibrationReport> {
  const left = [...taps.left];
  const measured: Group[] = [];
  for (const group of groups) {
    const why =
      group.failed ??
      (group.sums.tokens === 0
        ? 'its operator never ran on these inputs: the branch that it is in was not taken'
        : group.sums.isFinite
          ? undefined
          : 'its inputs became NaN or infinite on these inputs of the model');
    if (why === undefined) measured.push(group);
    else for (const layer of group.layers) left.push({ layer, why });
  }
  if (measured.length === 0) throw new ModelRunError('invalid-inputs', `no layer could be measured: ${left[0]!.why}`);
  const synthetic = inputs.kind === 'random';
  const entries = measured.flatMap(({ layers, sums }) =>
    layers.flatMap((layer) => statisticsEntries(layer, sums.inputs, sums.gram !== undefined, () => sums)),
  );
  const metadata = {
    format: 'pt',
    ...(synthetic && { [SYNTHETIC_KEY]: SYNTHETIC_VALUE, 'eigenscope.seed': String(inputs.seed) }),
    [NOTE_KEY]: JSON.stringify({ statistics: path.basename(protect[0]!), runs: samples.count }),
  };
  const layout = layOut(entries, metadata);
  const file = await writeAtomically(
    target,
    { size: layout.fileBytes, protect, ofModel: true, ...(overwrite !== undefined && { overwrite }) },
    async (append) => {
      await append(layout.header);
      for (const entry of layout.order) await appendElements(append, entry);
    },
  );
  const diagonal = measured.filter(({ sums }) => !sums.gram).flatMap(({ layers }) => layers);
  const few = measured.filter(({ sums }) => sums.gram && sums.tokens < sums.inputs).flatMap(({ layers }) => layers);
  return {
    path: file,
    bytes: layout.fileBytes,
    runs: samples.count,
    synthetic,
    layers: measured.flatMap(({ layers, sums }) =>
      layers.map((layer) => ({ layer, tokens: sums.tokens, gram: sums.gram !== undefined })),
    ),
    left,
    notes: [
      ...samples.notes,
      ...(diagonal.length > 0
        ? [
            `${listed(diagonal)}: no Gram matrix, as they would take more than ${usableMegabytes(gramBytes)} together; ` +
              'means and magnitudes are there. More memory lets them in.',
          ]
        : []),
      ...(few.length > 0
        ? [`${listed(few)}: fewer tokens than inputs, so the Gram matrix is singular. Give more inputs.`]
        : []),
    ],
  };
}
