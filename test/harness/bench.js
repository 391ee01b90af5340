// `npm run bench`: builds, then runs every benchmark one after the other and prints its tables.
const { execFileSync } = require('node:child_process');
const { readdirSync } = require('node:fs');
const path = require('node:path');

const root = path.resolve(__dirname, '../..');
execFileSync(process.execPath, ['esbuild.js', '--tests', '--minify'], { cwd: root, stdio: 'inherit' });
const folder = path.join(root, 'dist/test/bench');
for (const name of readdirSync(folder)
  .filter((file) => file.endsWith('.bench.js'))
  .sort()) {
  execFileSync(process.execPath, [path.join(folder, name)], { cwd: root, stdio: 'inherit' });
}
