/** A plot as an SVG file that looks the same outside VS Code: what the style sheet says is written into it. */

/** The properties the plots' styles set; as presentation attributes they need no style sheet. */
const PROPERTIES = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-width',
  'stroke-dasharray',
  'stroke-opacity',
  'stroke-linecap',
  'opacity',
  'visibility',
  'font-family',
  'font-size',
  'font-weight',
  'text-anchor',
];

/** Starts the download of `<fileName>.svg`. */
export function saveSvg(
  svg: SVGSVGElement,
  canvas: HTMLCanvasElement,
  margin: { top: number; left: number },
  fileName: string,
): void {
  const copy = standalone(svg);
  // In the page itself the picture would be loaded, which its policy refuses.
  const paper = document.implementation.createDocument(null, null);
  paper.append(paper.adoptNode(copy));
  if (canvas.width > 0 && !canvas.hidden) {
    const image = paper.createElementNS('http://www.w3.org/2000/svg', 'image');
    image.setAttribute('href', canvas.toDataURL('image/png'));
    image.setAttribute('x', String(margin.left));
    image.setAttribute('y', String(margin.top));
    image.setAttribute('width', String(canvas.clientWidth));
    image.setAttribute('height', String(canvas.clientHeight));
    copy.insertBefore(image, copy.children[1] ?? null);
  }
  const text = new XMLSerializer().serializeToString(copy);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'image/svg+xml' }));
  link.download = `${fileName.replace(/[^\w.-]+/g, '_')}.svg`;
  link.click();
  // The download has its own reference by the next turn of the event loop.
  setTimeout(() => URL.revokeObjectURL(link.href));
}

/** Mixed colours are computed as `color(srgb …)`, which few programs but browsers read. */
function plain(value: string): string {
  const mixed = /^color\(srgb ([\d.]+) ([\d.]+) ([\d.]+)(?: \/ ([\d.]+))?\)$/.exec(value);
  if (!mixed) return value;
  const [red, green, blue] = mixed.slice(1, 4).map((part) => Math.round(255 * Number(part)));
  return `rgba(${red!}, ${green!}, ${blue!}, ${mixed[4] ?? 1})`;
}

function standalone(svg: SVGSVGElement): SVGSVGElement {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const originals = svg.querySelectorAll('*');
  copy.querySelectorAll('*').forEach((node, i) => {
    const style = getComputedStyle(originals[i]!);
    for (const property of PROPERTIES) node.setAttribute(property, plain(style.getPropertyValue(property)));
    node.removeAttribute('class');
  });
  copy.removeAttribute('class');
  const background = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  background.setAttribute('width', '100%');
  background.setAttribute('height', '100%');
  background.setAttribute('fill', getComputedStyle(document.body).backgroundColor);
  copy.prepend(background);
  return copy;
}
