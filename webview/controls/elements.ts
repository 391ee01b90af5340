/** Building DOM elements from code. Nothing goes through HTML strings, so a tensor's name can never become markup. */

type Listener = (event: Event) => void;
type Attributes = Record<string, string | number | boolean | undefined | Listener>;
export type Child = Node | string | null | undefined | false;

/**
 * An element with attributes and children. Functions are listeners of the event named by their key (`click`, …);
 * `true` is an empty attribute, `false` and `undefined` leave it out.
 */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  applyAttributes(made, attributes);
  made.append(...present(children));
  return made;
}

/** A table's head: a column header for each name. */
export function tableHead(columns: readonly string[]): HTMLElement {
  return element('thead', {}, element('tr', {}, ...columns.map((name) => element('th', { scope: 'col' }, name))));
}

/** A name of a layer that a line too short for it breaks after a dot or a slash. */
export function breakableName(name: string): (Node | string)[] {
  return name.split(/(?<=[./])/).flatMap((part, at) => (at === 0 ? [part] : [element('wbr'), part]));
}

function applyAttributes(target: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') target.addEventListener(name, value);
    else if (value === true) target.setAttribute(name, '');
    else if (value !== false && value !== undefined) target.setAttribute(name, String(value));
  }
}

function present(children: Child[]): (Node | string)[] {
  return children.filter((child): child is Node | string => child !== null && child !== undefined && child !== false);
}
