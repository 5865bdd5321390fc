import { costsAt } from './validation-cost.ts';

// Run in a build whose defences can be taken away: prints the costs for each size that is named in SIZES.
const sizes = (process.env.SIZES ?? '').split(',').map(Number);
process.stdout.write(JSON.stringify(sizes.map(costsAt)));
