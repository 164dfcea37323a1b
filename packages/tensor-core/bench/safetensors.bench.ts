import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { interleaved, report } from '@tfsci/tooling/bench';
import { readSafetensors, toTensor, writeSafetensors } from '../src/io';
import { readSafetensorsFile, writeFileAtomic } from '../src/node';
import { useBackend } from '../src/backend';

// Reading a safetensors file of 200 MB (50 tensors) into arrays and into tensors, beside what memory and the disk's cache
// allow: one copy of as many bytes, and one read of the file. MEGABYTES=20 takes another size.

const BYTES = Number(process.env['MEGABYTES'] ?? 200) * 1e6;
const TENSORS = 50;

await useBackend('cpu');
const length = Math.floor(BYTES / TENSORS / 4);
const values = Float32Array.from({ length }, (_, i) => Math.sin(i));
const names = Array.from({ length: TENSORS }, (_, i) => `layer.${i}.weight`);
const entry = { dtype: 'F32' as const, shape: [length], data: values };
const bytes = writeSafetensors(Object.fromEntries(names.map((name) => [name, entry])));
const folder = mkdtempSync(path.join(tmpdir(), 'tfsci-bench-'));
const file = path.join(folder, 'large.safetensors');
await writeFileAtomic(file, bytes);

const times = await interleaved({
  copy: () => void bytes.slice(),
  parse: () => void readSafetensors(bytes),
  tensors: () => Object.values(readSafetensors(bytes).tensors).forEach((one) => toTensor(one).dispose()),
  readFile: () => void readFileSync(file),
  readSafetensorsFile: async () => void (await readSafetensorsFile(file)),
});
rmSync(folder, { recursive: true });
const gigabytes = bytes.length / 1e9;
report(
  'safetensors',
  Object.entries(times).map(([what, ms]) => ({ what, ms, 'GB/s': gigabytes / (ms / 1000) })),
);
