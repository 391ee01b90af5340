// Every sentence that the code hands to `l10n`, read from the syntax of its files, and what the bundles in media/l10n
// lack of it. `npm run translations` writes the English bundle anew and says what the others lack.
const { readdirSync, readFileSync, writeFileSync } = require('node:fs');
const path = require('node:path');
const ts = require('typescript');

/** Of this script; tests, which are bundled, name their own. */
const ROOT = path.join(__dirname, '../../..');
const FOLDER = path.join(ROOT, 'media/l10n');
const SOURCES = ['extension', 'webview'];

/** Calls that take sentences, and which of their arguments those are. */
const CALLS = new Map([
  ['t', [0]],
  ['pieces', [0]],
  ['words', [0]],
  ['english', [0]],
  ['many', [1, 2]],
]);

/** @returns {{sentences: Map<string, string>, problems: string[]}} sentence → where it stands first */
function sentencesOfCode(root = ROOT) {
  const sentences = new Map();
  const problems = [];
  for (const folder of SOURCES) {
    for (const name of readdirSync(path.join(root, folder), { recursive: true })) {
      const file = path.join(root, folder, name);
      if (!name.endsWith('.ts') || name.endsWith('.d.ts')) continue;
      const text = readFileSync(file, 'utf8');
      if (!text.includes('l10n.') || file.endsWith(path.join('shared', 'language', 'l10n.ts'))) continue;
      collect(ts.createSourceFile(file, text, ts.ScriptTarget.Latest), path.relative(root, file), sentences, problems);
    }
  }
  return { sentences, problems };
}

function collect(source, file, sentences, problems) {
  const visit = (node) => {
    for (const index of ts.isCallExpression(node) ? sentencesIn(node) : []) {
      const message = node.arguments[index];
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      const place = `${file}:${line + 1}`;
      if (message && ts.isStringLiteralLike(message)) {
        const key = keyOf(message.text, node.expression.name.text);
        if (!sentences.has(key)) sentences.set(key, place);
      } else problems.push(`${place} gives l10n no literal`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
}

/** Sentences that are made in English, and translated where they are shown, have keys of their own: `l10n.ts` says why. */
function keyOf(sentence, call) {
  return call === 'english' ? `${sentence}/known` : sentence;
}

function sentencesIn({ expression }) {
  const called =
    ts.isPropertyAccessExpression(expression) &&
    ts.isIdentifier(expression.expression) &&
    expression.expression.text === 'l10n';
  return (called && CALLS.get(expression.name.text)) || [];
}

/** The placeholders of a sentence, sorted: each of them has to be in its translation, as often. */
function placeholders(sentence) {
  return [...sentence.matchAll(/\{\d\}/g)].map(([placeholder]) => placeholder).sort();
}

function readBundle(name, root = ROOT) {
  return JSON.parse(readFileSync(path.join(root, name), 'utf8'));
}

/** What is wrong with `translations` of `english`, both key → text, in sentences. */
function bundleProblems(english, translations) {
  return [
    ...Object.keys(english).flatMap((key) => {
      if (!Object.hasOwn(translations, key)) return [`lacks "${key}"`];
      const [wanted, found] = [english[key], translations[key]].map((text) => placeholders(text).join(' '));
      if (wanted !== found) return [`has "${found}" instead of "${wanted}" in "${key}"`];
      return translations[key].trim() === '' ? [`has nothing for "${key}"`] : [];
    }),
    ...Object.keys(translations).flatMap((key) =>
      Object.hasOwn(english, key) ? [] : [`has "${key}", which is nowhere`],
    ),
  ];
}

/** The bundle of the language of the code. */
function englishBundle(root = ROOT) {
  const { sentences } = sentencesOfCode(root);
  return Object.fromEntries([...sentences.keys()].sort().map((key) => [key, key.replace(/\/known$/, '')]));
}

function main() {
  const { problems } = sentencesOfCode();
  const english = englishBundle();
  writeFileSync(path.join(FOLDER, 'bundle.l10n.json'), `${JSON.stringify(english, null, 2)}\n`);
  for (const name of readdirSync(FOLDER).filter((each) => each !== 'bundle.l10n.json')) {
    const file = path.join('media/l10n', name);
    const translations = readBundle(file);
    problems.push(...bundleProblems(english, translations).map((problem) => `${file} ${problem}`));
    // In the order of the English one, without what is nowhere.
    const kept = Object.keys(english).filter((key) => Object.hasOwn(translations, key));
    const sorted = Object.fromEntries(kept.map((key) => [key, translations[key]]));
    writeFileSync(path.join(ROOT, file), `${JSON.stringify(sorted, null, 2)}\n`);
  }
  for (const problem of problems) console.error(problem);
  console.log(`${Object.keys(english).length} sentences; ${problems.length} problems`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}

module.exports = { sentencesOfCode, englishBundle, bundleProblems, placeholders, readBundle };

if (require.main === module) main();
