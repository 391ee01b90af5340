/** What a shape in a checkpoint and the shape that a model wants have in common. */
import { l10n } from '../../shared/language/l10n';
import type { TensorSummary } from '../../shared/tensors';
import type { KeyProblem } from './keyProblems';
import { sentence, shapeText, sizesText, type Sentence } from './sentences';

/** Matrices with a row for each token, by the last parts of their names in common models. */
const VOCABULARY =
  /(^|\.)(embed_tokens|wte|word_embeddings|tok_embeddings|embed_in|embed_out|lm_head|token_embd|output)\.weight$/;

/** @param tensor the one of this name in the checkpoint, called `file` */
export function shapeSentences(
  { checkpoint, model }: NonNullable<KeyProblem['shapes']>,
  tensor: TensorSummary,
  file: string,
): Sentence[] {
  const sentences = [sentence(l10n.words('In {0} it is {1}.'), file, shapeText(tensor))];
  if (!isEqual(tensor.shape, checkpoint)) {
    const fits = isEqual(tensor.shape, model);
    sentences.push(
      fits
        ? sentence(
            l10n.words('That is what the model wants: the message, which says {0}, is about another checkpoint.'),
            sizesText(checkpoint),
          )
        : sentence(
            l10n.words('The message says {0}: it is about another checkpoint, or the tensor was changed on the way.'),
            sizesText(checkpoint),
          ),
    );
  }
  return [...sentences, ...between(checkpoint, model, tensor.name)];
}

function between(checkpoint: readonly number[], model: readonly number[], name: string): Sentence[] {
  if (checkpoint.length === 2 && isEqual([...checkpoint].reverse(), model)) {
    return [
      sentence(
        l10n.words(
          'The model wants its transpose. Conv1D (GPT-2) stores in × out, Linear stores out × in: sd[…] = sd[…].T',
        ),
      ),
    ];
  }
  if (product(checkpoint) === product(model)) {
    return [sentence(l10n.words('The model wants as many elements in another shape, {0}.'), sizesText(model))];
  }
  if (checkpoint.length !== model.length) {
    return [sentence(l10n.words('The model wants another number of axes: {0}.'), sizesText(model))];
  }
  const differing = model.flatMap((size, axis) => (size === checkpoint[axis] ? [] : [axis]));
  const [axis] = differing;
  if (differing.length !== 1 || axis === undefined) {
    return [
      sentence(
        l10n.words('The model wants {0}: several sizes differ, as between models of different width.'),
        sizesText(model),
      ),
    ];
  }
  const [has, wants] = [checkpoint[axis]!, model[axis]!];
  const sentences = [sentence(sizeWords(axis), String(has), String(wants), String(axis))];
  const [more, less] = [Math.max(has, wants), Math.min(has, wants)];
  if (axis === 0 && VOCABULARY.test(name)) {
    sentences.push(sentence(l10n.words('Rows are tokens here: the vocabularies differ by {0}.'), String(more - less)));
  } else if (less > 0 && more % less === 0) {
    sentences.push(
      sentence(
        has > wants
          ? l10n.words('The checkpoint’s is {0} times as long.')
          : l10n.words('The model’s is {0} times as long.'),
        String(more / less),
      ),
    );
  }
  return sentences;
}

function sizeWords(axis: number): string {
  if (axis === 0) return l10n.words('The checkpoint has {0} rows, the model wants {1}; all else is equal.');
  if (axis === 1) return l10n.words('The checkpoint has {0} columns, the model wants {1}; all else is equal.');
  return l10n.words('The checkpoint has {0} entries along axis {2}, the model wants {1}; all else is equal.');
}

function isEqual(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

function product(shape: readonly number[]): number {
  return shape.reduce((all, size) => all * size, 1);
}
