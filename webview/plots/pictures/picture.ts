/**
 * A plot as a picture that needs nothing beside it: an SVG with its title, what it is of, and its finding, and the same as a
 * PNG. All of it is text: names from files become nothing else.
 */
import { l10n } from '../../../extension/shared/language/l10n';
import { plainColour, standalone } from './standalone';

const SVG = 'http://www.w3.org/2000/svg';

/** Pixels of a PNG for each of the plot's. */
const PNG_SCALE = 2;

const EDGE = 12;
const TITLE_SIZE = 15;
const TEXT_SIZE = 12;
const LINE = 17;

/** Longer findings are cut: the plot is what is kept. */
const MOST_LINES = 4;

export interface Plotted {
  readonly svg: SVGSVGElement;
  /** Behind the drawing; may be hidden. */
  readonly canvas: HTMLCanvasElement;
  readonly margin: { readonly top: number; readonly left: number };
  readonly width: number;
  readonly height: number;
  readonly title: string;
  /** The layer and its alpha, or the model. */
  readonly about: string;
  readonly finding: string;
}

export interface Picture {
  readonly svg: string;
  readonly width: number;
  readonly height: number;
}

/** In the colours that the page has now. @param muted an element of the page in the colour of the finding */
export function pictureOf(plot: Plotted, muted: Element): Picture {
  const paper = document.implementation.createDocument(SVG, 'svg', null);
  const root = paper.documentElement;
  const { fontFamily } = getComputedStyle(document.body);
  const colourOf = (of: Element): string => plainColour(getComputedStyle(of).color);
  const texts = [
    { text: plot.title, size: TITLE_SIZE, weight: '600', fill: colourOf(document.body) },
    ...(plot.about === '' ? [] : [{ text: plot.about, size: TEXT_SIZE, weight: '400', fill: colourOf(document.body) }]),
    { text: plot.finding, size: TEXT_SIZE, weight: '400', fill: colourOf(muted) },
  ];
  const lines = texts.flatMap(({ text, size, weight, fill }) =>
    wrapped(text, plot.width - 2 * EDGE, `${weight} ${size}px ${fontFamily}`).map((line) => ({
      line,
      size,
      weight,
      fill,
    })),
  );
  const head = EDGE + LINE * lines.length + EDGE / 2;
  const width = Math.round(plot.width);
  const height = Math.round(plot.height + head + EDGE / 2);
  const add = (name: string, attributes: Record<string, string | number>, to: Element = root): Element => {
    const made = paper.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
    to.append(made);
    return made;
  };
  for (const [key, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` }))
    root.setAttribute(key, String(value));
  add('title', {}).textContent = [plot.title, plot.about, plot.finding].filter((text) => text !== '').join('. ');
  const paperColour = plainColour(getComputedStyle(document.body).backgroundColor);
  add('rect', { width: '100%', height: '100%', fill: paperColour });
  for (const [index, { line, size, weight, fill }] of lines.entries()) {
    const place = { x: EDGE, y: EDGE + LINE * (index + 1) - LINE / 4 };
    const font = { 'font-family': fontFamily, 'font-size': `${size}px`, 'font-weight': weight };
    add('text', { ...place, ...font, fill }).textContent = line;
  }
  const group = add('g', { transform: `translate(0,${head})` });
  const { canvas, margin } = plot;
  if (canvas.width > 0 && !canvas.hidden) {
    add(
      'image',
      {
        ...{ href: canvas.toDataURL('image/png'), x: margin.left, y: margin.top },
        ...{ width: parseFloat(canvas.style.width), height: parseFloat(canvas.style.height) },
      },
      group,
    );
  }
  group.append(...[...standalone(plot.svg).childNodes].map((node) => paper.adoptNode(node)));
  return { svg: new XMLSerializer().serializeToString(paper), width, height };
}

/** @throws Error if the browser cannot draw it */
export async function pngOf({ svg, width, height }: Picture): Promise<Uint8Array> {
  const url = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = PNG_SCALE * width;
    canvas.height = PNG_SCALE * height;
    const context = canvas.getContext('2d');
    if (!context) throw new Error(l10n.t('This window cannot draw a picture; save the plot as SVG.'));
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
    if (!blob) throw new Error(l10n.t('The picture is too large for a PNG; save the plot as SVG.'));
    return new Uint8Array(await blob.arrayBuffer());
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Lines of at most this width; words that are longer are broken. */
function wrapped(text: string, width: number, font: string): string[] {
  const context = document.createElement('canvas').getContext('2d');
  if (context) context.font = font;
  const fits = (line: string): boolean => !context || context.measureText(line).width <= width;
  const lines: string[] = [];
  let line = '';
  // Names of layers may be broken behind their dots, as in the page; numbers may not.
  for (const part of text.split(/(?<=\s)|(?<=\.)(?=[^\d\s])/)) {
    if (fits(line + part)) {
      line += part;
      continue;
    }
    if (line !== '') lines.push(line.trimEnd());
    line = part;
    while (!fits(line) && line.length > 1) {
      let most = line.length - 1;
      while (most > 1 && !fits(line.slice(0, most))) most--;
      lines.push(line.slice(0, most));
      line = line.slice(most);
    }
  }
  if (line !== '') lines.push(line);
  if (lines.length <= MOST_LINES) return lines;
  return [...lines.slice(0, MOST_LINES - 1), `${lines[MOST_LINES - 1]!.slice(0, -1)}…`];
}
