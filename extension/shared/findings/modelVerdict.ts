/**
 * One sentence on a whole model, from the verdicts on its layers. The model gets a verdict only if most of its layers have
 * the evidence for one and nearly all of those agree; else the sentence says what is missing, and what to do next.
 */
import { agreeing } from '../agreeing';
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

const WORDS: Record<keyof ModelEvidence['judged'], { verdict: Verdict; layers: string; model: string; place: string }> =
  {
    over: {
      verdict: 'typical of over-trained or over-fitted layers',
      layers: 'typical of over-trained or over-fitted layers',
      model: 'Typical of an over-trained or over-fitted model',
      place: `below ${OVER_TRAINED}`,
    },
    well: {
      verdict: 'typical of well-trained layers',
      layers: 'typical of well-trained layers',
      model: 'Typical of a well-trained model',
      place: `in ${OVER_TRAINED}–${UNDER_TRAINED}`,
    },
    under: {
      verdict: 'typical of under-trained layers',
      layers: 'typical of under-trained layers',
      model: 'Typical of an under-trained model',
      place: `above ${UNDER_TRAINED}`,
    },
  };

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
  if (kind) return { verdict: WORDS[kind].verdict, sentence: `${sentence}.`, evidence };
  const next = notFinite > 0 ? 'Look at the layers with NaN or Inf first.' : about.next;
  return { verdict: 'no verdict', sentence: `${sentence}.`, ...(next !== undefined && { next }), evidence };
}

function brokenWords(count: number, words: NumberWords): string {
  return `${words.count(count)} ${agreeing(count, 'layer holds', 'layers hold')} NaN or Inf`;
}

function agreedKind(judged: ModelEvidence['judged'], layers: number): keyof ModelEvidence['judged'] | undefined {
  const total = judged.over + judged.well + judged.under;
  if (total < Math.max(LEAST_VERDICTS, LEAST_JUDGED * layers)) return undefined;
  return (['over', 'well', 'under'] as const).find((kind) => judged[kind] >= LEAST_AGREEING * total);
}

function verdictOnLayers(
  { layers, judged, lacking }: ModelEvidence,
  words: NumberWords,
): { sentence: string; next?: string } {
  const total = judged.over + judged.well + judged.under;
  const kind = layers > 0 ? agreedKind(judged, layers) : undefined;
  const of = `${words.count(total)} of ${words.count(layers)} ${agreeing(layers, 'layer')}`;
  if (kind) {
    const { model, place } = WORDS[kind];
    const rest = total === judged[kind] ? 'in all of them' : `in ${words.count(judged[kind])} of these`;
    return {
      sentence: `${model}: ${of} ${agreeing(total, 'has', 'have')} the evidence for a verdict, and ${rest} alpha is ${place}`,
    };
  }
  if (layers === 0) return { sentence: 'No verdict' };
  const counts = (['well', 'under', 'over'] as const)
    .filter((each) => judged[each] > 0)
    .map((each) => `${words.count(judged[each])} ${WORDS[each].layers}`);
  const [most] = lacking;
  if (total >= Math.max(LEAST_VERDICTS, LEAST_JUDGED * layers)) {
    return {
      sentence: `No one verdict for the model: of ${of} with the evidence for one, ${listWords(counts)}`,
      next: 'Look at the map by role and depth: the layers differ.',
    };
  }
  const found = counts.length > 0 ? ` (${listWords(counts)})` : '';
  const because = most
    ? `; ${words.count(most.layers)} ${agreeing(most.layers, 'lacks', 'lack')} it because ${LACKING_WORDS[most.check]}`
    : '';
  return {
    sentence: `No verdict on the model as a whole: ${of} ${agreeing(total, 'has', 'have')} the evidence for one${found}${because}`,
    next: most ? NEXT_STEPS[most.check] : 'Look at the layers themselves: they are too few to speak for a model.',
  };
}
