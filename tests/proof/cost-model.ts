import { commandArguments } from '../../scripts/command-line.ts';
import { measure } from './cost-model/measure.ts';
import { readScaleOptions, scaleHelp } from './cost-model/scale-options.ts';
import { tablesOf } from './cost-model/tables.ts';

async function printCosts(): Promise<void> {
  const options = readScaleOptions(commandArguments());
  switch (options.kind) {
    case 'help':
      console.log(scaleHelp);
      return;
    case 'measure':
      for (const [name, value] of Object.entries(await measure()))
        console.log(`${name}: ${value.toFixed(3)}`);
      return;
    case 'print':
      for (const { title, text } of tablesOf(options.values)) console.log(`${title}\n\n${text}\n`);
  }
}

try {
  await printCosts();
} catch (cause) {
  process.stderr.write(`cost: ${cause instanceof Error ? cause.message : cause}\n`);
  process.exit(1);
}
