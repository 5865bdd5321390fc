import { Rejection } from '../rejection.ts';

export function notAcceptable(types: readonly string[]): Rejection {
  return new Rejection('NOT_ACCEPTABLE', `This can be answered as ${types.join(', ')}`);
}
