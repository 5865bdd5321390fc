import type { Weakening } from '../weakenings.ts';

const personalMembers = 'subscribers/personal-members.ts';

/** What keeps from the topic what an erasure could not take back, and what keeps publishing to it complete. */
export const publishing: readonly Weakening[] = [
  {
    name: 'text of tasks stays out of the topic',
    file: personalMembers,
    from: '...taskText.filter((path) => !TITLES.has(path))',
    to: '...taskText.filter((path) => !TITLES.has(path) && !WITHOUT)',
  },
  {
    name: 'text of authors stays out of the topic',
    file: personalMembers,
    from: '[...authorText, ',
    to: '[...(WITHOUT ? [] : authorText), ',
  },
];
