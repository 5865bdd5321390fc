import { textsInMessages } from './canaries.ts';

console.log(JSON.stringify(textsInMessages()));
