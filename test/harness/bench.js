// `npm run bench`: builds, then runs every benchmark one after the other and prints its tables. `npm run bench -- farms`
// runs those whose name has that in it.
const { execFileSync } = require('node:child_process');
const { readdirSync } = require('node:fs');
const path = require('node:path');

const root = path.resolve(__dirname, '../..');
execFileSync(process.execPath, ['esbuild.js', '--tests', '--minify'], { cwd: root, stdio: 'inherit' });
const folder = path.join(root, 'dist/test/bench');
const chosen = process.argv.slice(2);
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.bench.js'))
  .filter((name) => chosen.length === 0 || chosen.some((part) => name.includes(part)))
  .sort();
if (names.length === 0) throw new Error(`no benchmark is called ${chosen.join(' or ')}`);
for (const name of names) execFileSync(process.execPath, [path.join(folder, name)], { cwd: root, stdio: 'inherit' });
