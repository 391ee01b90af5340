/**
 * What Keras writes beside weights: attributes of groups in HDF5 files, `config.json` and `metadata.json` in `.keras`
 * archives.
 *
 * @see https://github.com/keras-team/keras/blob/master/keras/src/legacy/saving/legacy_h5_format.py
 */
import type { AttributeValue } from '../hdf5/hdf5Attributes';
import { MAX_METADATA_ENTRIES } from '../files/headerMetadata';
import { isObject } from '../files/jsonFile';

/** Attributes that only Keras writes. */
const KERAS_ATTRIBUTES = ['keras_version', 'model_config', 'layer_names', 'weight_names'];

/** Groups at the root that wrap the model's weights, or hold what its training needs. */
const MODEL_WEIGHTS = 'model_weights';
const OPTIMIZERS = ['optimizer_weights', 'optimizer'];
const WRAPPERS: ReadonlySet<string> = new Set([MODEL_WEIGHTS, ...OPTIMIZERS]);

/** A model's configuration is shown so far; its layers are listed besides. */
const MAX_CHARACTERS = 65_536;

/** Characters of all values together. */
const MAX_ALL_CHARACTERS = 8_000_000;

/** Models in models: a handful of levels. */
const MAX_DEPTH = 16;

const MAX_LAYERS = 10_000;

/** Attributes of groups, by path; '' is the root. */
export type GroupAttributes = ReadonlyMap<string, ReadonlyMap<string, AttributeValue>>;

/** What Keras 3 calls a layer whose variables are in a group; undefined for other groups. */
export function layerName(attributes: GroupAttributes, path: string): string | undefined {
  const name = /(^|\/)vars$/.test(path) ? attributes.get(path)?.get('name') : undefined;
  return typeof name === 'string' && name !== '' ? name : undefined;
}

/**
 * The variable's name by the layer's, where Keras 3 saved it under that of the layer's class: `encoder/0` of
 * `layers/dense_3/vars/0`.
 */
export function kerasAlias(attributes: GroupAttributes, name: string): string | undefined {
  const end = name.lastIndexOf('/');
  const layer = layerName(attributes, name.slice(0, Math.max(0, end)));
  return layer === undefined || name.split('/').includes(layer) ? undefined : `${layer}${name.slice(end)}`;
}

export function isKeras(attributes: GroupAttributes): boolean {
  return [...attributes].some(
    ([path, ofGroup]) =>
      KERAS_ATTRIBUTES.some((name) => ofGroup.has(name)) || layerName(attributes, path) !== undefined,
  );
}

/** The wrapper that a dataset is in, '' for none. */
export function kerasGroup(name: string): string {
  const first = name.slice(0, Math.max(0, name.indexOf('/')));
  return WRAPPERS.has(first) ? first : '';
}

/** True if a group of `kerasGroup` holds an optimizer's variables. */
export function isKerasOptimizer(group: string): boolean {
  return OPTIMIZERS.includes(group);
}

/** Attributes of all groups, by their path, and the layers of the configuration among them. */
export function kerasMetadata(attributes: GroupAttributes): Record<string, string> {
  const metadata = new Map<string, string>();
  let left = MAX_ALL_CHARACTERS;
  for (const [path, ofGroup] of attributes) {
    // Layers' names are told where their variables are.
    if (layerName(attributes, path) !== undefined) continue;
    for (const [name, value] of ofGroup) {
      const text = typeof value === 'string' ? value : value.join(', ');
      if (text === '' || metadata.size >= MAX_METADATA_ENTRIES || left <= 0) continue;
      const key = path === '' ? name : `${path}/${name}`;
      const shown = shorten(text);
      metadata.set(key, shown);
      left -= key.length + shown.length;
      if (key === 'model_config') addLayers(text, metadata);
    }
  }
  return Object.fromEntries(metadata);
}

/** The configuration of a `.keras` archive, and its layers. */
export function configMetadata(config: string): Record<string, string> {
  const metadata = new Map([['model_config', shorten(config)]]);
  addLayers(config, metadata);
  return Object.fromEntries(metadata);
}

/** The tensors of a `.keras` archive in the order of its layers, whose groups are listed by the alphabet of classes. */
export function inConfigOrder<Tensor extends { readonly info: { readonly name: string } }>(
  tensors: readonly Tensor[],
  config: string,
  attributes: GroupAttributes,
): Tensor[] {
  const places = new Map(configLayers(config).map(({ name }, place) => [name, place]));
  // What is within a layer (the cell of an LSTM, the projections of an attention) has a name of its own, which the
  // configuration does not list: its layer's is that of the group around it.
  const placeOf = (name: string): number => {
    let [group, depth] = [name.slice(0, Math.max(0, name.lastIndexOf('/vars/'))), 0];
    for (; group !== '' && depth < MAX_DEPTH; depth++) {
      const place = places.get(layerName(attributes, `${group}/vars`) ?? '');
      if (place !== undefined) return place;
      group = group.slice(0, Math.max(0, group.lastIndexOf('/')));
    }
    return Infinity;
  };
  return tensors
    .map((tensor) => ({ tensor, place: placeOf(tensor.info.name) }))
    .sort((a, b) => (a.place === b.place ? 0 : a.place - b.place))
    .map(({ tensor }) => tensor);
}

function addLayers(config: string, metadata: Map<string, string>): void {
  const layers = configLayers(config);
  const text = layers.map(({ name, className }) => `${name} (${className})`).join(', ');
  if (layers.length > 0) metadata.set('layers', shorten(text));
}

export interface ConfigLayer {
  readonly name: string;
  readonly className: string;
  /** The equation of an EinsumDense. */
  readonly equation?: string;
}

/** None where the configuration is no JSON: weights do not depend on it. */
export function configLayers(config: string): ConfigLayer[] {
  const layers: ConfigLayer[] = [];
  try {
    collectLayers(JSON.parse(config), layers, 0);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return layers;
}

/** Those of a model within the model follow it. */
function collectLayers(model: unknown, into: ConfigLayer[], depth: number): void {
  if (!isObject(model) || depth > MAX_DEPTH || into.length >= MAX_LAYERS) return;
  const { config } = model;
  // The first versions of Keras had a list in place of a configuration.
  const layers = Array.isArray(config) ? (config as unknown[]) : isObject(config) ? config.layers : undefined;
  if (!Array.isArray(layers)) return;
  for (const layer of layers as unknown[]) {
    if (!isObject(layer)) continue;
    const name = isObject(layer.config) && typeof layer.config.name === 'string' ? layer.config.name : '?';
    const className = typeof layer.class_name === 'string' ? layer.class_name : '?';
    const equation = isObject(layer.config) ? layer.config.equation : undefined;
    if (into.length < MAX_LAYERS) into.push({ name, className, ...(typeof equation === 'string' && { equation }) });
    collectLayers(layer, into, depth + 1);
  }
}

function shorten(text: string): string {
  return text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text;
}
