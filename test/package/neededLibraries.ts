/**
 * Names of the libraries that a native library asks the system's loader for: ELF (Linux), PE (Windows) and Mach-O (macOS),
 * 64-bit and little-endian.
 *
 * @see ELF: `man 5 elf`, DT_NEEDED; PE: Microsoft's PE format, import and delay-load import tables; Mach-O: <mach-o/loader.h>
 */

const MACH_O_64 = 0xfeedfacf;
const LC_LOAD_DYLIB = 0xc;
const LC_LOAD_WEAK_DYLIB = 0x80000018;
const LC_REEXPORT_DYLIB = 0x8000001f;

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;

/** PE data directories, and the size of an entry in their tables with the place of the library's name in it. */
const PE_TABLES = [
  { directory: 1, entryBytes: 20, nameAt: 12 },
  { directory: 13, entryBytes: 32, nameAt: 4 },
];

/** @throws Error for a file of another kind */
export function neededLibraries(file: Buffer): string[] {
  if (file.toString('latin1', 0, 4) === '\x7fELF') return elfNeeded(file);
  if (file.toString('latin1', 0, 2) === 'MZ') return peNeeded(file);
  if (file.readUInt32LE() === MACH_O_64) return machNeeded(file);
  throw new Error('neither ELF, PE nor Mach-O');
}

function textAt(file: Buffer, start: number): string {
  return file.toString('latin1', start, file.indexOf(0, start));
}

function elfNeeded(file: Buffer): string[] {
  const at = Number(file.readBigUInt64LE(32));
  const segments = Array.from({ length: file.readUInt16LE(56) }, (_, index) => {
    const start = at + index * file.readUInt16LE(54);
    return {
      type: file.readUInt32LE(start),
      offset: Number(file.readBigUInt64LE(start + 8)),
      address: Number(file.readBigUInt64LE(start + 16)),
      bytes: Number(file.readBigUInt64LE(start + 32)),
    };
  });
  const offsetOf = (address: number): number => {
    const segment = segments.find(
      ({ type, address: first, bytes }) => type === PT_LOAD && address >= first && address < first + bytes,
    );
    if (!segment) throw new Error(`no segment has address ${address}`);
    return address - segment.address + segment.offset;
  };
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (!dynamic) return [];
  const entries: { tag: number; value: number }[] = [];
  for (let start = dynamic.offset; ; start += 16) {
    const tag = Number(file.readBigUInt64LE(start));
    if (tag === DT_NULL) break;
    entries.push({ tag, value: Number(file.readBigUInt64LE(start + 8)) });
  }
  const names = offsetOf(entries.find(({ tag }) => tag === DT_STRTAB)!.value);
  return entries.filter(({ tag }) => tag === DT_NEEDED).map(({ value }) => textAt(file, names + value));
}

function peNeeded(file: Buffer): string[] {
  const head = file.readUInt32LE(0x3c);
  const optional = head + 24;
  const sectionsAt = optional + file.readUInt16LE(head + 20);
  const sections = Array.from({ length: file.readUInt16LE(head + 6) }, (_, index) => {
    const start = sectionsAt + 40 * index;
    return {
      bytes: file.readUInt32LE(start + 8),
      address: file.readUInt32LE(start + 12),
      offset: file.readUInt32LE(start + 20),
    };
  });
  const offsetOf = (address: number): number => {
    const section = sections.find(({ address: first, bytes }) => address >= first && address < first + bytes);
    if (!section) throw new Error(`no section has address ${address}`);
    return address - section.address + section.offset;
  };
  return PE_TABLES.flatMap(({ directory, entryBytes, nameAt }) => {
    const table = file.readUInt32LE(optional + 112 + 8 * directory);
    const names: string[] = [];
    if (table === 0) return names;
    for (let entry = offsetOf(table); ; entry += entryBytes) {
      const name = file.readUInt32LE(entry + nameAt);
      if (name === 0) return names;
      names.push(textAt(file, offsetOf(name)));
    }
  });
}

function machNeeded(file: Buffer): string[] {
  const names: string[] = [];
  let start = 32;
  for (let left = file.readUInt32LE(16); left > 0; left--) {
    const command = file.readUInt32LE(start);
    if ([LC_LOAD_DYLIB, LC_LOAD_WEAK_DYLIB, LC_REEXPORT_DYLIB].includes(command)) {
      names.push(textAt(file, start + file.readUInt32LE(start + 8)));
    }
    start += file.readUInt32LE(start + 4);
  }
  return names;
}
