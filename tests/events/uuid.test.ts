import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { v5 } from 'uuid';
import { formatUuid, uuidv5 } from '../../src/events/uuid.ts';

test('a UUID of version 5 is the one that everybody makes of the same name and namespace', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.uuid(), (name, namespace) => uuidv5(name, namespace) === v5(name, namespace)));
});

test('sixteen bytes are a UUID, whatever stands behind them', () => {
  const text = formatUuid(Buffer.from('0123456789abcdef0123456789abcdefffff', 'hex'));
  expect(text).toBe('01234567-89ab-cdef-0123-456789abcdef');
});
