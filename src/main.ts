import { collectAloneOnOneCpu } from './cli/one-cpu.ts';

collectAloneOnOneCpu(); // before all else is loaded
const { cli } = await import('./cli/cli.ts');
process.exitCode = await cli(process.argv.slice(2));
