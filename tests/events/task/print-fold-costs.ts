import { foldCosts } from './fold-cost.ts';

// Run in a build whose defences can be taken away: prints the costs for each size that is named in SIZES.
const costs = [];
for (const size of process.env.SIZES!.split(',')) costs.push(await foldCosts(Number(size)));
process.stdout.write(JSON.stringify(costs));
