// What is in a VSIX, without unpacking it.
const { statSync } = require('node:fs');
const { promisify } = require('node:util');
const yauzl = require('yauzl');

/** @returns `entries` (path in the archive, unpacked bytes), and the bytes of the whole, `packed` and `unpacked` */
async function readVsix(file) {
  const archive = await promisify(yauzl.open)(file);
  const entries = [];
  await new Promise((resolve, reject) => {
    archive.on('entry', ({ fileName, uncompressedSize }) => entries.push({ path: fileName, size: uncompressedSize }));
    archive.on('end', resolve).on('error', reject);
  });
  const unpacked = entries.reduce((sum, { size }) => sum + size, 0);
  return { entries, packed: statSync(file).size, unpacked };
}

/** One file of a VSIX. @throws Error where it has none of that path */
async function readVsixFile(file, path) {
  const archive = await promisify(yauzl.open)(file, { autoClose: false });
  try {
    const entry = await new Promise((resolve, reject) => {
      archive.on('entry', (each) => each.fileName === path && resolve(each));
      archive.on('end', () => reject(new Error(`${file} has no ${path}`))).on('error', reject);
    });
    const chunks = [];
    for await (const chunk of await promisify(archive.openReadStream.bind(archive))(entry)) chunks.push(chunk);
    return Buffer.concat(chunks);
  } finally {
    archive.close();
  }
}

module.exports = { readVsix, readVsixFile };
