/** The two themes of saved pictures, the same whatever theme the person has: Dark Modern's colours, and Light Modern's. */

export type PictureTheme = 'light' | 'dark';

/** What the style sheet has no value of its own for, or one for dark themes only. */
const COLOURS: Record<PictureTheme, Record<string, string>> = {
  dark: {
    'editor-background': '#1f1f1f',
    foreground: '#cccccc',
    descriptionForeground: '#9d9d9d',
    'panel-border': '#3c3c3c',
  },
  light: {
    'editor-background': '#ffffff',
    foreground: '#3b3b3b',
    descriptionForeground: '#3b3b3b',
    'panel-border': '#c8c8c8',
    'charts-blue': '#1a85ff',
    'charts-purple': '#652d90',
    'charts-green': '#388a34',
    'charts-yellow': '#8f6b00',
    focusBorder: '#005fb8',
  },
};

/**
 * Runs `work` while the page has the colours of the theme. Nothing of it is seen: a page is drawn when its script rests.
 *
 * @param work draws and reads colours, at once
 */
export function inTheme<T>(theme: PictureTheme, work: () => T): T {
  const { style } = document.documentElement;
  const { body } = document;
  const [css, classes] = [style.cssText, body.className];
  try {
    const own = [...style].filter((name) => name.startsWith('--vscode-') && !name.includes('font'));
    for (const name of own) style.removeProperty(name);
    for (const [name, colour] of Object.entries(COLOURS[theme])) style.setProperty(`--vscode-${name}`, colour);
    body.className = `vscode-${theme}`;
    return work();
  } finally {
    style.cssText = css;
    body.className = classes;
  }
}
