/**
 * One sentence on a whole model, from the verdicts on its layers. The model gets a verdict only if most of its layers have
 * the evidence for one and nearly all of those agree; else the sentence says what is missing, and what to do next.
 */
import { counts as layerCounts } from '../language/counts';
import { l10n } from '../language/l10n';
import { layerVerdict } from '../layerFindings';
import type { LayerResult } from '../layers';
import { OVER_TRAINED, UNDER_TRAINED, type Verdict, type VerdictCheck } from '../verdict';
import { LACKING_WORDS, NEXT_STEPS } from './nextSteps';
import { listWords, PLAIN_NUMBERS, type NumberWords } from './numberWords';

export interface ModelVerdict {
  verdict: Verdict;
  /** The verdict with what it rests on, in one sentence. */
  sentence: string;
  /** What to do if there is no verdict. */
  next?: string;
  evidence: ModelEvidence;
}

export interface ModelEvidence {
  /** Layers with a spectrum; tied ones count once. */
  layers: number;
  /** Layers with a verdict, by it. */
  judged: { over: number; well: number; under: number };
  /** Layers whose elements are not all finite. */
  notFinite: number;
  /** The first thing that each of the other layers lacks, the most frequent first. */
  lacking: { check: VerdictCheck['check']; layers: number }[];
}

/** Share of the layers with a spectrum that must have a verdict, and their number: fewer do not speak for the model. */
const LEAST_JUDGED = 0.5;

const LEAST_VERDICTS = 3;

/** Share of the verdicts that must agree. */
const LEAST_AGREEING = 0.75;

const KINDS = {
  'typical of over-trained or over-fitted layers': 'over',
  'typical of well-trained layers': 'well',
  'typical of under-trained layers': 'under',
} as const satisfies Record<Exclude<Verdict, 'no verdict'>, keyof ModelEvidence['judged']>;

const VERDICTS = {
  over: 'typical of over-trained or over-fitted layers',
  well: 'typical of well-trained layers',
  under: 'typical of under-trained layers',
} as const satisfies Record<keyof ModelEvidence['judged'], Verdict>;

/** @param results of weights of the model */
export function modelEvidence(results: Iterable<LayerResult>): ModelEvidence {
  const judged = { over: 0, well: 0, under: 0 };
  const lacking = new Map<VerdictCheck['check'], number>();
  let [layers, notFinite] = [0, 0];
  for (const result of results) {
    if (result.tiedWith !== undefined) continue;
    const { nan = 0, inf = 0 } = result.statistics ?? {};
    if (nan + inf > 0) notFinite++;
    const found = layerVerdict(result);
    if (!found) continue;
    layers++;
    const check = found.verdict_evidence.find(({ holds }) => !holds)?.check;
    if (found.verdict !== 'no verdict') judged[KINDS[found.verdict]]++;
    else if (check) lacking.set(check, (lacking.get(check) ?? 0) + 1);
  }
  const order = [...lacking].sort(([, a], [, b]) => b - a);
  return { layers, judged, notFinite, lacking: order.map(([check, count]) => ({ check, layers: count })) };
}

/** @returns undefined before any layer has numbers */
export function modelVerdict(
  results: Iterable<LayerResult>,
  words: NumberWords = PLAIN_NUMBERS,
): ModelVerdict | undefined {
  const evidence = modelEvidence(results);
  const { layers, judged, notFinite } = evidence;
  if (layers === 0 && notFinite === 0) return undefined;
  const broken = notFinite > 0 ? brokenWords(notFinite, words) : '';
  const about = verdictOnLayers(evidence, words);
  const sentence = [about.sentence, broken].filter((part) => part !== '').join('; ');
  const kind = layers > 0 ? agreedKind(judged, layers) : undefined;
  if (kind) return { verdict: VERDICTS[kind], sentence: `${sentence}.`, evidence };
  const next = notFinite > 0 ? l10n.t('Look at the layers with NaN or Inf first.') : about.next;
  return { verdict: 'no verdict', sentence: `${sentence}.`, ...(next !== undefined && { next }), evidence };
}

function brokenWords(count: number, words: NumberWords): string {
  return l10n.many(count, '1 layer holds NaN or Inf', '{0} layers hold NaN or Inf', words.count(count));
}

function agreedKind(judged: ModelEvidence['judged'], layers: number): keyof ModelEvidence['judged'] | undefined {
  const total = judged.over + judged.well + judged.under;
  if (total < Math.max(LEAST_VERDICTS, LEAST_JUDGED * layers)) return undefined;
  return (['over', 'well', 'under'] as const).find((kind) => judged[kind] >= LEAST_AGREEING * total);
}

function verdictOnLayers(evidence: ModelEvidence, words: NumberWords): { sentence: string; next?: string } {
  const { layers, judged, lacking } = evidence;
  const total = judged.over + judged.well + judged.under;
  const kind = layers > 0 ? agreedKind(judged, layers) : undefined;
  if (kind) return { sentence: agreedSentence(kind, evidence, words) };
  if (layers === 0) return { sentence: l10n.t('No verdict') };
  const counts = [
    judged.well > 0 && l10n.t('{0} typical of well-trained layers', words.count(judged.well)),
    judged.under > 0 && l10n.t('{0} typical of under-trained layers', words.count(judged.under)),
    judged.over > 0 && l10n.t('{0} typical of over-trained or over-fitted layers', words.count(judged.over)),
  ].filter((each) => each !== false);
  const values = [words.count(total), layerCounts.layers(layers, words.count(layers))] as const;
  const [most] = lacking;
  if (total >= Math.max(LEAST_VERDICTS, LEAST_JUDGED * layers)) {
    return {
      sentence: l10n.t(
        'No one verdict for the model: of {0} of {1} with the evidence for one, {2}',
        ...values,
        listWords(counts),
      ),
      next: l10n.t('Look at the map by role and depth: the layers differ.'),
    };
  }
  const lack = l10n.many(
    total,
    'No verdict on the model as a whole: {0} of {1} has the evidence for one',
    'No verdict on the model as a whole: {0} of {1} have the evidence for one',
    ...values,
  );
  const found = counts.length > 0 ? `${lack} (${listWords(counts)})` : lack;
  return {
    sentence: most ? [found, becauseWords(most, words)].join('; ') : found,
    next: most
      ? NEXT_STEPS[most.check]
      : l10n.t('Look at the layers themselves: they are too few to speak for a model.'),
  };
}

function becauseWords({ check, layers }: ModelEvidence['lacking'][number], words: NumberWords): string {
  return l10n.many(
    layers,
    '1 lacks it because {1}',
    '{0} lack it because {1}',
    words.count(layers),
    LACKING_WORDS[check],
  );
}

/** What most verdicts say of the model, with the evidence. */
function agreedSentence(
  kind: keyof ModelEvidence['judged'],
  { layers, judged }: ModelEvidence,
  words: NumberWords,
): string {
  const total = judged.over + judged.well + judged.under;
  const evidence = l10n.many(
    total,
    '{0} of {1} has the evidence for a verdict',
    '{0} of {1} have the evidence for a verdict',
    words.count(total),
    layerCounts.layers(layers, words.count(layers)),
  );
  const part = words.count(judged[kind]);
  const all = total === judged[kind];
  switch (kind) {
    case 'over':
      return all
        ? l10n.t(
            'Typical of an over-trained or over-fitted model: {0}, and in all of them alpha is below {1}',
            evidence,
            OVER_TRAINED,
          )
        : l10n.t(
            'Typical of an over-trained or over-fitted model: {0}, and in {2} of these alpha is below {1}',
            evidence,
            OVER_TRAINED,
            part,
          );
    case 'well':
      return all
        ? l10n.t(
            'Typical of a well-trained model: {0}, and in all of them alpha is in {1}–{2}',
            evidence,
            OVER_TRAINED,
            UNDER_TRAINED,
          )
        : l10n.t(
            'Typical of a well-trained model: {0}, and in {3} of these alpha is in {1}–{2}',
            evidence,
            OVER_TRAINED,
            UNDER_TRAINED,
            part,
          );
    case 'under':
      return all
        ? l10n.t(
            'Typical of an under-trained model: {0}, and in all of them alpha is above {1}',
            evidence,
            UNDER_TRAINED,
          )
        : l10n.t(
            'Typical of an under-trained model: {0}, and in {2} of these alpha is above {1}',
            evidence,
            UNDER_TRAINED,
            part,
          );
  }
}
