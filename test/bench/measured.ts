// Loaded by `--import` into every process under measurement: it collects garbage on SIGUSR2 (Node's --expose-gc), and ends when the benchmark that started it has ended.
import type { Socket } from 'node:net';

process.on('SIGUSR2', () => {
  const { gc } = globalThis as { gc?: () => void };
  for (let i = 0; i < 3; i++) gc?.(); // finalizers of the first free what the next one collects
});
process.stdin.resume().once('end', () => process.exit());
(process.stdin as Partial<Socket>).unref?.(); // it keeps nobody alive
