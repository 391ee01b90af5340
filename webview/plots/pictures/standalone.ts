/** A plot's drawing without a style sheet: what the page's says is written into it. */

/** The properties the plots' styles set; as presentation attributes they need no style sheet. */
const PROPERTIES = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-width',
  'stroke-dasharray',
  'stroke-opacity',
  'stroke-linecap',
  'stroke-linejoin',
  'paint-order',
  'opacity',
  'display',
  'visibility',
  'font-family',
  'font-size',
  'font-weight',
  'text-anchor',
  'dominant-baseline',
];

/** Mixed colours are computed as `color(srgb …)`, which few programs but browsers read. */
export function plainColour(value: string): string {
  const mixed = /^color\(srgb ([\d.]+) ([\d.]+) ([\d.]+)(?: \/ ([\d.]+))?\)$/.exec(value);
  if (!mixed) return value;
  const [red, green, blue] = mixed.slice(1, 4).map((part) => Math.round(255 * Number(part)));
  return `rgba(${red!}, ${green!}, ${blue!}, ${mixed[4] ?? 1})`;
}

/** A copy of the drawing in the colours that it has now. */
export function standalone(svg: SVGSVGElement): SVGSVGElement {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const originals = svg.querySelectorAll('*');
  copy.querySelectorAll('*').forEach((node, i) => {
    const style = getComputedStyle(originals[i]!);
    for (const property of PROPERTIES) node.setAttribute(property, plainColour(style.getPropertyValue(property)));
    node.removeAttribute('class');
  });
  copy.removeAttribute('class');
  return copy;
}
