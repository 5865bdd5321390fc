/** The three who work in the demo's small company: a bicycle shop with a workshop and a web shop. */
export const people = [
  { name: 'mara', fullName: 'Mara Lindqvist', email: 'mara@kestrel.example' },
  { name: 'jonas', fullName: 'Jonas Weber', email: 'jonas@kestrel.example' },
  { name: 'priya', fullName: 'Priya Nair', email: 'priya@kestrel.example' },
] as const;

export type PersonName = (typeof people)[number]['name'];
