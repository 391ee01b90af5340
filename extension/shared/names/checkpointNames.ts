/**
 * The names of checkpoints, by format: the one list. The engine's registry, the host's menus and index, the folder rule
 * (`folderMeaning.ts`) and the lists in package.json's `contributes` are made from it or held to it by a test.
 */
import { globMatcher } from './glob';

interface FormatNames {
  /** Files that nobody edits as text: a double-click opens them in the editor. */
  readonly own?: readonly string[];
  /** Files with names that other programs use too: the editor is offered for them. */
  readonly offered?: readonly string[];
  /** Too many other files have such names to offer them; opened or found in a folder, they are tried. */
  readonly tried?: readonly string[];
}

export const PIPELINE_INDEX = 'model_index.json';
export const SAVED_MODEL = 'saved_model.pb';
/** Describes a folder of PyTorch's distributed checkpoint; the records are in files with the other ending. */
export const DISTRIBUTED_METADATA = '.metadata';
export const DISTRIBUTED_RECORDS = '.distcp';
/** Ends the name of a TensorFlow checkpoint's index. */
export const TENSORFLOW_INDEX = '.index';
/** The variables of a SavedModel, in a folder below it. */
export const TENSORFLOW_VARIABLES = 'variables.index';

/** Lower case, the likeliest first; a `*` stands for any characters. The keys are the names in the registry. */
const NAMES = {
  diffusers: { offered: [PIPELINE_INDEX] },
  safetensors: { own: ['*.safetensors'] },
  'index of shards': { offered: ['*.safetensors.index.json', '*.bin.index.json'] },
  gguf: { own: ['*.gguf'] },
  pytorch: { own: ['*.pt', '*.pth', '*.th', '*.jit', '*.pt2'], offered: ['*.bin', '*.ckpt'] },
  onnx: { own: ['*.onnx'] },
  numpy: { own: ['*.npy', '*.npz'] },
  flax: { own: ['*.msgpack'] },
  tflite: { own: ['*.tflite'] },
  hdf5: { own: ['*.h5', '*.hdf5'] },
  keras: { own: ['*.keras'] },
  'tensorflow.js': { offered: ['model.json'] },
  distributed: { offered: [`*${DISTRIBUTED_RECORDS}`, DISTRIBUTED_METADATA] },
  'tensorflow checkpoint': { offered: ['*ckpt*.index', TENSORFLOW_VARIABLES], tried: ['*.index'] },
  'tensorflow savedmodel': { offered: [SAVED_MODEL] },
  'tensorflow graph': { offered: ['*frozen*.pb', '*graph*.pb'], tried: ['*.pb'] },
} as const satisfies Record<string, FormatNames>;

/** A format that the registry lists. */
export type FormatName = keyof typeof NAMES;

export const FORMAT_NAMES: Readonly<Record<FormatName, FormatNames>> = NAMES;

/** Data files of TensorFlow's checkpoints: each opens its index. Menus offer them; nothing lists them. */
export const TENSORFLOW_DATA = /\.data-\d{5,}-of-\d{5,}$/;

const all = Object.values(FORMAT_NAMES);

/** Patterns of what a double-click opens. */
export const OWN_PATTERNS: readonly string[] = all.flatMap(({ own = [] }) => own);

/** Patterns of what the editor is offered for beside its text. */
export const OFFERED_PATTERNS: readonly string[] = all.flatMap(({ offered = [] }) => offered);

/** The likeliest first. */
const SHOWN_PATTERNS = all.flatMap(({ own = [], offered = [] }) => [...own, ...offered]);

/** For `findFiles` and file system watchers. */
export const WORKSPACE_GLOB = `**/{${SHOWN_PATTERNS.join(',')}}`;

/** For the open dialog: what follows the last dot. */
export const DIALOG_EXTENSIONS: string[] = [
  ...new Set(SHOWN_PATTERNS.map((pattern) => pattern.slice(pattern.lastIndexOf('.') + 1))),
];

const matchers = SHOWN_PATTERNS.map(globMatcher);
const matchersOf = new Map(
  Object.entries(FORMAT_NAMES).map(([format, { own = [], offered = [], tried = [] }]) => [
    format,
    [...own, ...offered, ...tried].map(globMatcher),
  ]),
);

/** True for the name of a file that is offered as a checkpoint. */
export function isCheckpointName(file: string): boolean {
  return likelihoodPlace(file) < matchers.length;
}

/** Place of a file among all that are offered, the likeliest first. */
export function likelihoodPlace(file: string): number {
  const name = lowerName(file);
  const place = matchers.findIndex((matches) => matches(name));
  return place < 0 ? matchers.length : place;
}

/** True for a name that files of the format have, be it one that is only tried. */
export function hasNameOf(format: FormatName, file: string): boolean {
  const name = lowerName(file);
  return matchersOf.get(format)!.some((matches) => matches(name));
}

/** True for a name that files of any format have. */
export function mayBeCheckpoint(file: string): boolean {
  const name = lowerName(file);
  return [...matchersOf.values()].some((each) => each.some((matches) => matches(name)));
}

/** Patterns of all files that are tried, in a folder or by their name. */
export const OPENED_PATTERNS: readonly string[] = all.flatMap(({ own = [], offered = [], tried = [] }) => [
  ...own,
  ...offered,
  ...tried,
]);

/** Endings, or whole names, of all formats, lower case: the patterns without stars in the middle. */
export const CHECKPOINT_ENDINGS: readonly string[] = OPENED_PATTERNS.map((pattern) =>
  pattern.replace(/^\*/, ''),
).filter((ending) => !ending.includes('*'));

/** The last part of a path, of either kind of system, in lower case. */
function lowerName(file: string): string {
  return file.slice(Math.max(file.lastIndexOf('/'), file.lastIndexOf('\\')) + 1).toLowerCase();
}
