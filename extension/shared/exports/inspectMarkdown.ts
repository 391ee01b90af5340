/**
 * The overview of a model in Markdown, for issues, notes and pull requests: what it is, the verdict, unusual layers, and a
 * table of all layers. The same from the terminal, from a saved file and from the clipboard. It names the checkpoint without
 * its folder.
 */
import { agreeing } from '../agreeing';
import type { QuickLook } from '../estimates';
import type { InspectReport, ReportedLayer } from '../inspectReport';
import { fileName } from '../names/fileName';
import type { CheckpointSummary, NotModel } from '../tensors';
import { layerRemark } from './layerRemark';
import { markdownCell, markdownCode, markdownSentence, markdownText } from './markdownText';
import { hasRow, numberColumns } from './numberColumns';
import { meansWords, summaryFacts } from './summaryFacts';

/** What a saved overview begins with. Readers do not see it. */
export const MARKDOWN_BEGINNING = '<!-- Overview by Eigenscope -->\n';

/** GitHub takes 65 536 characters in an issue, and a person writes some, too. */
export const ISSUE_CHARACTERS = 60_000;

type Summary = Omit<CheckpointSummary, 'document'>;

/**
 * @param mostCharacters layers that do not fit are counted at the end
 * @returns pieces that follow each other
 */
export function* inspectMarkdown(
  summary: Summary,
  report: InspectReport,
  mostCharacters = Infinity,
): Generator<string> {
  let room = mostCharacters;
  const head = headLines(summary, report).join('\n');
  room -= head.length;
  yield head;
  const layers = report.layers.filter(hasRow);
  if (layers.length === 0) return;
  const notModel = new Map(summary.tensors.map((tensor) => [tensor.name, tensor.notModel]));
  const columns = numberColumns(layers);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  yield `\n## Layers\n\n`;
  yield line([...columns.map(({ title }) => markdownSentence(title)), 'layer', '']);
  yield line([...columns.map(() => '---:'), '---', '---']);
  for (const [index, layer] of layers.entries()) {
    const cells = columns.map(({ cell }) => numberText(cell(layer)));
    const row = line([...cells, markdownCell(layer.name), remarkText(layer, notModel.get(layer.tensor))]);
    room -= row.length;
    if (room < 0) {
      const rest = layers.length - index;
      yield `\n${rest} more ${agreeing(rest, 'layer')} would not fit into an issue. A saved file has them all.\n`;
      return;
    }
    yield row;
  }
}

/** A number of ours or a type's name, which may come from the file. */
function numberText(text: string): string {
  return /^[\p{L}\p{N}. ()–×+-]*$/u.test(text) ? text : markdownText(text);
}

function remarkText(layer: ReportedLayer, notModel: NotModel | undefined): string {
  const remark = layerRemark(layer, notModel);
  return remark === '' ? '' : markdownSentence(remark);
}

function headLines(summary: Summary, { model, layers, problems, estimated = [] }: InspectReport): string[] {
  const means = meansWords(model.means);
  const findings = model.findings.map(
    ({ where, what }) => `- **${markdownSentence(where)}**: ${markdownSentence(what)}`,
  );
  const estimates = estimated.length;
  const [left, all] = leftOut(summary, layers, estimated);
  return [
    `# ${markdownCode(fileName(summary.path))}`,
    '',
    summaryFacts(summary).map(markdownSentence).join(' · '),
    ...(model.verdict_reason === undefined ? [] : ['', markdownSentence(model.verdict_reason)]),
    ...(model.next_step === undefined ? [] : ['', `Next step: ${markdownSentence(model.next_step)}`]),
    ...(means === '' ? [] : ['', `Means over ${model.layers} ${agreeing(model.layers, 'layer')}: ${means}.`]),
    ...(estimates === 0
      ? []
      : ['', `${estimates} ${agreeing(estimates, 'layer')} ${agreeing(estimates, 'has', 'have')} estimates only.`]),
    ...(left === 0 ? [] : ['', `${left} of ${all} layers ${agreeing(left, 'is', 'are')} not in this overview.`]),
    ...(findings.length === 0 ? [] : ['', '## Unusual layers', '', ...findings]),
    ...(problems.length === 0
      ? []
      : ['', '## Problems', '', ...problems.map(({ message }) => `- ${markdownSentence(message)}`)]),
    '',
  ];
}

/** How many layers, and tensors without a spectrum, are neither among those reported nor estimated; and how many there are. */
function leftOut(
  { tensors }: Summary,
  layers: readonly ReportedLayer[],
  estimated: readonly QuickLook[],
): [left: number, all: number] {
  const known = new Set(layers.map(({ name, partOf }) => partOf ?? name));
  for (const { layer } of estimated) known.add(layer);
  const names = tensors.flatMap((tensor) => (tensor.layers.length > 0 ? tensor.layers : [tensor.name]));
  return [names.filter((name) => !known.has(name)).length, names.length];
}
