/**
 * Explains what a program said of a key against the names and shapes of a checkpoint: what is there, what differs, what to
 * do. Says only what the two show. Knows nothing of VS Code.
 */
import { smallestOf } from '../../shared/extremes';
import { l10n } from '../../shared/language/l10n';
import type { TensorSummary } from '../../shared/tensors';
import { pathOf, type LayerNames } from '../workspace/layerNames';
import type { KeyProblem } from './keyProblems';
import { isSameDifference, nameDifference, unwrapped, type NameDifference } from './nameDifference';
import { sentence, shapeText, type Sentence } from './sentences';
import { shapeSentences } from './shapeDifference';

/** Names that are suggested. */
const MOST_NEAR = 3;

/** Other keys of the message that are compared with one. */
const MOST_COMPARED = 300;

export interface Explanation {
  sentences: Sentence[];
  /** What is there, or is nearest to what was asked for. */
  tensor?: TensorSummary;
}

/**
 * @param message all that the same message says
 * @param file what the checkpoint is called
 */
export function explain(
  problem: KeyProblem,
  message: readonly KeyProblem[],
  names: LayerNames,
  file: string,
): Explanation {
  const own = names.exact(problem.name);
  switch (problem.kind) {
    case 'missing':
      return own ? presentAfterAll(own, file) : missing(problem, message, names, file);
    case 'unexpected':
      if (own) return unexpected(problem, own, message, file);
      return holder(problem.name, message, names) ?? notThere(problem.name, names, file);
    case 'shape':
      if (!own) return notThere(problem.name, names, file);
      return { sentences: shapeSentences(problem.shapes!, own, file), tensor: own };
  }
}

export interface Relative {
  tensor: TensorSummary;
  difference: NameDifference;
  /** Parts of wrappers that one of the names has in its middle besides. */
  within?: NameDifference;
  /** Others that end alike, as near: which one is meant cannot be told. */
  others: TensorSummary[];
}

/** The tensor in the checkpoint that may be the same parameter: only what stands around its path differs. */
function relative(name: string, names: LayerNames): Relative | undefined {
  return endingAlike(name, names) ?? withOtherFront(name, names) ?? nearOne(name, names);
}

/** The same as far as one look-up tells. */
export function endingAlike(name: string, names: LayerNames): Relative | undefined {
  const plain = unwrapped(name);
  const found = [...new Set([name, plain])].flatMap((each) => names.find(pathOf(each)));
  const related = found.flatMap(({ tensor, distance }) => {
    if (tensor.notModel !== undefined) return [];
    const own = differenceOf(name, tensor);
    if (own && (own.by !== undefined || isAround(own))) return [{ tensor, difference: own, distance }];
    const difference = plain === name ? undefined : differenceOf(plain, tensor);
    const within = nameDifference(name, plain);
    return difference && within && isAround(difference) ? [{ tensor, difference, within, distance }] : [];
  });
  const least = smallestOf(related.map(({ distance }) => distance));
  const [first, ...others] = related.filter(({ distance }) => distance === least);
  if (!first) return undefined;
  const further = others.map(({ tensor }) => tensor).filter((tensor) => tensor.name !== first.tensor.name);
  return { ...first, others: further };
}

/** Short paths (`wte.weight`) are looked up with what other names begin with, and without what this one does. */
function withOtherFront(name: string, names: LayerNames): Relative | undefined {
  const parts = name.split('.');
  const written = [
    ...names.templates.fronts().map((front) => `${front}.${name}`),
    ...parts.slice(1, -1).map((_, index) => parts.slice(index + 1).join('.')),
  ];
  const found = written.flatMap((each) => names.exact(each) ?? []);
  const [tensor, ...others] = found.filter(({ notModel }) => notModel === undefined);
  const difference = tensor && nameDifference(name, tensor.name);
  return tensor && difference && { tensor, difference, others };
}

function nearOne(name: string, names: LayerNames): Relative | undefined {
  for (const tensor of names.alike(name, MOST_NEAR)) {
    const difference = differenceOf(name, tensor);
    if (!difference) continue;
    // Near names differ by a part that tells them apart (encoder, decoder), unless one has it too much.
    const isTooMuch = isAround(difference) && (difference.checkpoint === '' || difference.model === '');
    if (difference.by !== undefined || isTooMuch) return { tensor, difference, others: [] };
  }
  return undefined;
}

function differenceOf(name: string, { name: own, alias }: TensorSummary): NameDifference | undefined {
  return nameDifference(name, own) ?? (alias === undefined ? undefined : nameDifference(name, alias));
}

/** One has parts in front of the other's whole name, or both have other ones in front. */
function isAround({ inFront, checkpoint, model }: NameDifference): boolean {
  const isNumber = (text: string): boolean => /(^|\.)\d+(\.|$)/.test(text);
  return inFront && !isNumber(checkpoint) && !isNumber(model);
}

function presentAfterAll(tensor: TensorSummary, file: string): Explanation {
  const is = sentence(l10n.words('{0} has it: {1}.'), file, shapeText(tensor));
  const { group } = tensor;
  const why =
    group === '' || tensor.notModel !== undefined
      ? sentence(l10n.words('The dictionary that was loaded is not this file’s, or its keys were changed on the way.'))
      : sentence(l10n.words('It lies under {0} there: that dictionary is what load_state_dict takes.'), group);
  return { sentences: [is, why], tensor };
}

/** A key that is no tensor, and the dictionary of those that are missing. */
function holder(name: string, message: readonly KeyProblem[], names: LayerNames): Explanation | undefined {
  const held = message
    .slice(0, MOST_COMPARED)
    .map((other) => (other.kind === 'missing' ? names.exact(other.name) : undefined))
    .find((tensor) => tensor?.group.split('.')[0] === name);
  if (!held) return undefined;
  const words = l10n.words('It is the dictionary that holds the tensors there: pass it to load_state_dict, sd[{0}].');
  return { sentences: [sentence(words, pythonText(name))], tensor: held };
}

function missing({ name }: KeyProblem, message: readonly KeyProblem[], names: LayerNames, file: string): Explanation {
  const found = relative(name, names);
  if (!found) return notThere(name, names, file);
  const { tensor, difference, within, others } = found;
  if (others.length > 0) return severalAlike(tensor, others, file);
  const all = message.filter(({ kind }) => kind === 'missing').slice(0, MOST_COMPARED);
  const same = all.filter((other) => other.name === name || holdsFor(difference, other.name, names)).length;
  return {
    sentences: [
      sentence(l10n.words('In {0} it is {1}, {2}.'), file, tensor.name, shapeText(tensor)),
      ...differenceSentences(difference),
      ...(within ? differenceSentences(within) : []),
      ...countSentences(same, all.length),
    ],
    tensor,
  };
}

function severalAlike(tensor: TensorSummary, others: readonly TensorSummary[], file: string): Explanation {
  const names = [tensor, ...others].slice(0, MOST_NEAR).map(({ name }) => name);
  const words = l10n.words('In {0} several names end alike: {1}.');
  return { sentences: [{ words: words.replace('{1}', listOf(names, 1)), values: [file, ...names] }], tensor };
}

function unexpected(
  { name }: KeyProblem,
  tensor: TensorSummary,
  message: readonly KeyProblem[],
  file: string,
): Explanation {
  const sentences = [sentence(l10n.words('{0} has it: {1}.'), file, shapeText(tensor))];
  const wanted = message.filter(({ kind }) => kind === 'missing').slice(0, MOST_COMPARED);
  const last = name.split('.').slice(-2).join('.');
  for (const other of wanted) {
    if (!unwrapped(other.name).endsWith(last) && !unwrapped(name).endsWith(unwrapped(other.name))) continue;
    const difference = nameDifference(other.name, name);
    if (!difference || (difference.by === undefined && !isAround(difference))) continue;
    const calls = sentence(l10n.words('The model calls it {0}.'), other.name);
    return { sentences: [...sentences, calls, ...differenceSentences(difference)], tensor };
  }
  sentences.push(sentence(l10n.words('The model has no parameter of that name. With strict=False it is left out.')));
  return { sentences, tensor };
}

function notThere(name: string, names: LayerNames, file: string): Explanation {
  const range = names.templates.beyond(name.split('.'));
  const near = names.alike(name, MOST_NEAR);
  const [tensor] = near;
  const sentences = [sentence(l10n.words('{0} has no tensor of that name.'), file)];
  if (range !== undefined)
    sentences.push(sentence(l10n.words('It has {0}: the model has more of these blocks.'), range));
  else if (tensor) {
    const found = near.map((each) => each.name);
    sentences.push({ words: l10n.words('Nearest: {0}.').replace('{0}', listOf(found, 0)), values: found });
  } else sentences.push(sentence(l10n.words('No name in it is like that one.')));
  return { sentences, ...(tensor && { tensor }) };
}

function differenceSentences(difference: NameDifference): Sentence[] {
  const { checkpoint, model, inFront, by } = difference;
  if (!inFront) {
    return [
      checkpoint === ''
        ? sentence(l10n.words('The model’s names have {0} in them, which {1} puts there.'), model, by ?? '')
        : sentence(l10n.words('The checkpoint’s names have {0} in them, which {1} puts there.'), checkpoint, by ?? ''),
    ];
  }
  if (model === '') {
    const prefix = `${checkpoint}.`;
    const remedy = `{k.removeprefix(${pythonText(prefix)}): v for k, v in sd.items()}`;
    return [
      by === undefined
        ? sentence(l10n.words('The checkpoint’s names have {0} in front.'), prefix)
        : sentence(l10n.words('The checkpoint’s names have {0} in front, which {1} puts there.'), prefix, by),
      sentence(l10n.words('To take it off: {0}'), remedy),
    ];
  }
  if (checkpoint === '') {
    const prefix = `${model}.`;
    return [
      by === undefined
        ? sentence(l10n.words('The model’s names have {0} in front, the checkpoint’s have not.'), prefix)
        : sentence(l10n.words('The model’s names have {0} in front, which {1} puts there.'), prefix, by),
      sentence(
        l10n.words('Load into model.{0}, or put it in front: {1}'),
        model,
        `{${pythonText(prefix)} + k: v for k, v in sd.items()}`,
      ),
    ];
  }
  return [sentence(l10n.words('The checkpoint has {0} where the model has {1}.'), `${checkpoint}.`, `${model}.`)];
}

/** The change that mends one key finds the other's tensor, too. */
function holdsFor(difference: NameDifference, other: string, names: LayerNames): boolean {
  if (!difference.inFront) {
    const own = endingAlike(other, names)?.difference;
    return own !== undefined && isSameDifference(own, difference);
  }
  const taken = difference.model === '' ? '' : `${difference.model}.`;
  const put = difference.checkpoint === '' ? '' : `${difference.checkpoint}.`;
  return [other, unwrapped(other)].some(
    (each) => each.startsWith(taken) && names.exact(put + each.slice(taken.length)) !== undefined,
  );
}

/** For how many of the message's missing keys the same holds. */
function countSentences(same: number, all: number): Sentence[] {
  if (all < 2) return [];
  const values = [String(same), String(all)];
  return [
    same === all
      ? { words: l10n.words('That explains all {1} missing keys here.'), values }
      : { words: l10n.words('That explains {0} of {1} missing keys here.'), values },
  ];
}

/** Placeholders for several names, from `first` on. */
function listOf(names: readonly string[], first: number): string {
  return names.map((_, index) => `{${first + index}}`).join(', ');
}

/** A Python literal. */
function pythonText(text: string): string {
  return JSON.stringify(text);
}
