// Flat ESLint configuration; named as a dot file to keep the top level to what the project's card lists.
import js from '@eslint/js';
import regexp from 'eslint-plugin-regexp';
import tseslint from 'typescript-eslint';

// Each item becomes an argument on the stack, which overflows with some 120 000: what files hold has no bound.
const MANY_ARGUMENTS = [
  {
    selector:
      'CallExpression[callee.property.name=/^(push|unshift|splice|concat|max|min|hypot|fromCharCode|fromCodePoint|of)$/] > SpreadElement',
    message: 'A spread of many items overflows the stack: loop, or use largestOf and smallestOf (extremes.ts).',
  },
  {
    selector: "CallExpression[callee.property.name='apply']",
    message: 'Arguments from an array overflow the stack where it is long: loop.',
  },
];

export default tseslint.config(
  {
    ignores: [
      'dist/**',
      'node_modules/**',
      'extension/linalg/assembly/**',
      '*.js',
      '.*.mjs',
      '.*.cjs',
      'test/harness/**/*.js',
      '.ci/**',
      '.vscode-test/**',
    ],
  },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { project: ['./tsconfig.json', './webview/tsconfig.json'] } },
    rules: {
      'no-restricted-syntax': ['error', ...MANY_ARGUMENTS],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  // Files decide what names are like and how long: an expression that backtracks, or starts again at each character, takes
  // minutes for one of some 100 000 characters.
  {
    files: ['extension/**', 'webview/**'],
    plugins: { regexp },
    rules: {
      'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }],
      'regexp/no-super-linear-move': ['error', { report: 'potential', ignoreSticky: false, ignorePartial: false }],
    },
  },
  // The extension host serves all extensions: while it waits for a disk, nothing in the window answers.
  {
    files: ['extension/host/**', 'extension/shared/**', 'extension/report/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...MANY_ARGUMENTS,
        {
          selector: 'CallExpression:matches([callee.name=/Sync$/], [callee.property.name=/Sync$/])',
          message: 'The extension host waits for no disk and no process: use what returns a promise.',
        },
      ],
    },
  },
  // Tests make their own arrays, whose lengths they know.
  { files: ['test/**'], rules: { 'no-restricted-syntax': 'off' } },
);
